"""Runs a model with PyTorch for the Node process that started it: answers one request after the other, as frames on its standard streams.
Tensors stay on the device; a run's time is taken here, with the device idle before and after. The argument says when it was started, in
milliseconds since 1970."""

import os
import queue
import sys
import threading
import time

from frames import read_frame, write_frame


def listen(requests):
    while True:
        frame = read_frame(sys.stdin.buffer)
        if frame is None:
            # Whoever asked is gone, perhaps in the middle of a long run.
            os._exit(0)
        requests.put(frame)


def answer_all(requests, answers):
    try:
        import torch
        from session import Session
    except Exception as error:
        reason = failure("Unavailable", f"PyTorch cannot be loaded by {sys.executable}: {error}")
        while True:
            requests.get()
            write_frame(answers, reason)
    session = Session(started_ms=time.time() * 1000 - float(sys.argv[1]))
    with torch.inference_mode():
        while True:
            header, body = requests.get()
            try:
                answer, tensors = session.answer(header, body)
            except Exception as error:
                # What follows the first paragraph are lists of what else PyTorch could do.
                answer, tensors = failure(type(error).__name__, str(error).split("\n\n")[0]), None
            write_frame(answers, answer, tensors)


def failure(kind, message):
    return {"error": {"type": kind, "message": message}}


def main():
    # Libraries print: their words go to the log, not between the frames.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = queue.SimpleQueue()
    threading.Thread(target=listen, args=(requests,), daemon=True).start()
    answer_all(requests, answers)


main()
