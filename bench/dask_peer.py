"""Dask.distributed as the peer of the benchmarks: scheduler and workers in processes of their own on 127.0.0.1.

Reads one command a line from its standard input and answers each with one line of JSON:
  throughput TASKS SECONDS  no-op tasks a second, all handed over at once; cut off after SECONDS
  latency SAMPLES SECONDS   milliseconds from submit to the result, one task at a time; cut off after SECONDS
It ends when its input does. Arguments: PROCESSES THREADS.
"""

import asyncio
import gc
import json
import multiprocessing
import sys
import time

from distributed import Client, Scheduler, Worker, wait

HOST = "127.0.0.1"


def noop(_index):
    return None


async def run_scheduler(pipe):
    async with Scheduler(host=HOST, port=0, dashboard=False, dashboard_address=f"{HOST}:0") as scheduler:
        pipe.send(scheduler.address)
        await scheduler.finished()


async def run_worker(address, threads):
    async with Worker(address, host=HOST, nthreads=threads, dashboard=False) as worker:
        await worker.finished()


def scheduler_process(pipe):
    asyncio.run(run_scheduler(pipe))


def worker_process(address, threads):
    asyncio.run(run_worker(address, threads))


def throughput(client, tasks, seconds):
    start = time.perf_counter()
    futures = client.map(noop, range(tasks), pure=False)
    try:
        wait(futures, timeout=seconds)
        finished = tasks
    except Exception:  # The class of the time-out differs between versions.
        finished = sum(future.status == "finished" for future in futures)
    elapsed = time.perf_counter() - start
    return {"tasks": finished, "tasks_per_second": finished / elapsed}


def latency(client, samples, seconds):
    end = time.perf_counter() + seconds
    taken = []
    while len(taken) < samples and time.perf_counter() < end:
        start = time.perf_counter()
        client.submit(noop, 0, pure=False).result()
        taken.append((time.perf_counter() - start) * 1000)
    return {"samples_ms": [round(sample, 3) for sample in taken]}


def answer(client, line):
    command, amount, seconds = line.split()
    action = {"throughput": throughput, "latency": latency}[command]
    result = action(client, int(amount), float(seconds))
    gc.collect()
    return result


def main(processes, threads):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    started = [context.Process(target=scheduler_process, args=(theirs,), daemon=True)]
    started[0].start()
    address = ours.recv()
    for _ in range(processes):
        started.append(context.Process(target=worker_process, args=(address, threads), daemon=True))
        started[-1].start()
    try:
        with Client(address) as client:
            client.wait_for_workers(processes, timeout=30)
            print(json.dumps({"ready": True}), flush=True)
            for line in sys.stdin:
                print(json.dumps(answer(client, line)), flush=True)
    finally:
        for process in started:
            process.terminate()
            process.join()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
