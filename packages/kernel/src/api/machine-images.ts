/**
 * What a kernel of the library has to do with images: those that are made of it, and the one it came from.
 *
 *   Owns:   what the last incremental image held; the filler of absent pages
 *   Order:  nothing of the kernel runs while an image is made: pause, then time stands still; back in the other order
 */
import type { Writable } from 'node:stream';
import type { Kernel as KernelCore } from '../kernel.js';
import type { BaseImage } from '../save/base-image.js';
import { PageFiller } from '../save/page-filler.js';
import type { SaveStatistics } from '../save/save-kernel.js';
import { saveImageTo, type ReadMachine, type SaveOptions } from './images.js';
import { Snapshot, type StartMachine } from './snapshot.js';

export class MachineImages {
  private _last: BaseImage | null = null;
  private readonly _filler: PageFiller | null = null;

  /** `loaded`: the image that the kernel is made of. */
  constructor(readonly core: KernelCore, loaded: ReadMachine | null) {
    if (loaded === null) return;
    const { absent } = loaded.memory;
    absent.onLost = () => core.report('pages of the image that this machine came from cannot be read any more, or have changed: programs that use them get SIGBUS');
    this._filler = new PageFiller(core.frames, absent, () => loaded.close());
  }

  /** Begins to bring the pages that are still in the image. */
  fill(): void {
    this._filler?.start();
  }

  async saveTo(target: string | Writable, { compress = false, incremental = false, leaveStopped = false }: SaveOptions): Promise<SaveStatistics> {
    return this._whileStopped(async () => {
      const statistics = await saveImageTo(this.core, target, { compress, ...(incremental ? { base: this._last } : {}) });
      if (incremental) this._last = statistics.image;
      return statistics;
    }, leaveStopped);
  }

  snapshot(start: StartMachine): Promise<Snapshot> {
    return this._whileStopped(async () => Snapshot.ofKernel(this.core, start), false);
  }

  private async _whileStopped<T>(act: () => Promise<T>, leaveStopped: boolean): Promise<T> {
    await this.core.pause();
    // That of a machine that was loaded to stay paused stands still already.
    const isTimePaused = this.core.timekeeper.isPaused;
    this.core.pauseTime();
    let isDone = false;
    try {
      const result = await act();
      isDone = true;
      return result;
    } catch (error) {
      this.core.setSaveError(error as Error);
      throw error;
    } finally {
      if (!isDone || !leaveStopped) {
        if (!isTimePaused) this.core.resumeTime();
        this.core.unpause();
      }
    }
  }

  async close(): Promise<void> {
    await this._filler?.close();
  }
}
