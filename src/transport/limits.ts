/** Objects and lists inside each other, the frame itself being the first. */
export const MAX_DEPTH = 32;

/** Frames a coordinator takes from one session: a steady rate, and how many may come at once. */
export const FRAMES_PER_SECOND = 1_000;
export const FRAME_BURST = 2_000;

/** Unsent bytes above which a session says that it is not writable, and below which it is again. */
export const PAUSE_BYTES = 4 * 1024 * 1024;
export const RESUME_BYTES = 1024 * 1024;
/** Unsent bytes that nobody may keep for longer than `STUCK_MS`. */
export const STUCK_BYTES = 16 * 1024 * 1024;
export const STUCK_MS = 10_000;

/** How long the other side may take to answer a close before its connection is cut. */
export const CLOSE_GRACE_MS = 2_000;
/** How long a worker waits for the welcome after its hello. */
export const WELCOME_TIMEOUT_MS = 10_000;
/** What a WebSocket close frame has room for. */
export const MAX_CLOSE_TEXT_BYTES = 123;
