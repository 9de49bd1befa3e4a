/** Lets `troupe checkpoint` save the machine of this command. */
import type { Kernel } from '@troupe/kernel';
import { serveControl } from './control.js';

export interface Checkpoints {
  /** Resolves when the machine was saved and is not to go on. */
  readonly saved: Promise<'saved'>;
  stop(): void;
}

/** Short programs do without the socket. */
const SERVE_AFTER_MS = 100;
/** The answer goes out before the command ends. */
const ANSWER_MS = 20;

export function serveCheckpoints(kernel: Kernel): Checkpoints {
  let onSaved: (value: 'saved') => void = () => undefined;
  let stopServer: (() => void) | undefined;
  const saved = new Promise<'saved'>((resolve) => (onSaved = resolve));
  const timer = setTimeout(() => {
    stopServer = serveControl(async ({ path, isCompressed, isIncremental, leaveRunning }) => {
      const { bytesWritten } = await kernel.saveTo(path, { compress: isCompressed, incremental: isIncremental, leaveStopped: !leaveRunning });
      if (!leaveRunning) setTimeout(() => onSaved('saved'), ANSWER_MS);
      return { bytesWritten };
    });
  }, SERVE_AFTER_MS);
  timer.unref();
  return {
    saved,
    stop() {
      clearTimeout(timer);
      stopServer?.();
    },
  };
}
