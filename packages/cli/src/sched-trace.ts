/** --trace-sched: what tasks and cores do, as a file for about:tracing or Perfetto. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { ConfigError } from '@troupe/abi';
import { ChromeTrace, type Kernel, type SchedEvent } from '@troupe/kernel';

const BUFFER_CHARS = 1 << 16;

/** Begins to write; `also` hears the same events. Returns what completes the file. Throws ConfigError when it cannot be written. */
export function traceScheduler(kernel: Kernel, path: string, also?: (event: SchedEvent) => void): () => void {
  const fd = openFile(path);
  let text = '';
  const flush = (): void => {
    writeSync(fd, text);
    text = '';
  };
  const trace = new ChromeTrace((piece) => {
    text += piece;
    if (text.length > BUFFER_CHARS) flush();
  });
  const stop = kernel.traceScheduler((event) => {
    trace.add(event);
    also?.(event);
  });
  return () => {
    stop();
    trace.close();
    flush();
    closeSync(fd);
  };
}

function openFile(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new ConfigError((error as Error).message, `--trace-sched ${path}`);
  }
}
