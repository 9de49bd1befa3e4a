/**
 * Brings the absent pages of an image one after the other while the host's event loop has time, so that the file is
 * not needed for long.
 *
 *   Owns:   the files of the image, until every page was brought or the kernel is closed
 */
import type { FramePool } from '@troupe/abi';
import type { AbsentPages } from './absent-pages.js';

/** Work at a time, and the pause after it: half of the thread's time at most. */
const STEP_MS = 1;
const PAUSE_MS = 1;

export class PageFiller {
  private _timer: NodeJS.Timeout | undefined;

  constructor(readonly frames: FramePool, readonly absent: AbsentPages, private readonly _closeFiles: () => Promise<void>) {}

  start(): void {
    this._timer = setTimeout(() => this._step(), PAUSE_MS);
    this._timer.unref();
  }

  private _step(): void {
    const endMs = performance.now() + STEP_MS;
    while (this.absent.bringNext()) if (performance.now() >= endMs) return this.start();
    // Lost ones stay absent for ever.
    if (this.absent.count === 0) this.frames.absent = null;
    // A file that was only read loses nothing when closing fails.
    this.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    clearTimeout(this._timer);
    await this._closeFiles();
  }
}
