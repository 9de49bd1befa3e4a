/** A program runs until it waits for its standard input; then its machine is kept, for WarmExecutor. */
import { ConfigError, O_RDONLY, shellStatus } from '@troupe/abi';
import { HostStream } from '@troupe/vfs';
import type { Kernel } from '../api/kernel.js';
import type { ProcessOptions } from '../api/options.js';
import type { Snapshot } from '../api/snapshot.js';

/** How often the host looks whether it waits. */
const LOOK_MS = 5;

/** Preconditions: the kernel has not started. Throws ConfigError when the program ends without waiting. */
export async function warmUp(kernel: Kernel, options: Omit<ProcessOptions, 'stdin'>): Promise<Snapshot> {
  const stdin = new HostStream({ flags: O_RDONLY });
  const process = kernel.createProcess({ ...options, stdin });
  kernel.start();
  let hasEnded = false;
  const ended = process.wait().then((status) => {
    hasEnded = true;
    return status;
  });
  // Somebody waits for the input, and nobody has anything else to do.
  while (!hasEnded && (stdin.waiters.size === 0 || kernel.core.running.count > 0)) await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, LOOK_MS))]);
  if (hasEnded) throw new ConfigError(`ended with status ${shellStatus(await ended)} before it waited for input`, options.argv.join(' '));
  return kernel.snapshot();
}
