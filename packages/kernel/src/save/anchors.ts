/**
 * The parts of a kernel that an image names instead of holding: what belongs to the host, functions,
 * constants; and those whose state is written into the same part of the kernel that loads it.
 */
import { FIRST_USER_NAMESPACE } from '@troupe/abi';
import { Anchors } from '@troupe/state';
import { VFS_CONSTANTS } from '@troupe/vfs/saved-classes.js';
import type { Kernel } from '../kernel.js';
import { nsfs, nsfsMount } from '../namespace/namespace-file.js';
import { WAIT_ROW } from '../seccomp/notification.js';

export function anchorsOf(kernel: Kernel): Anchors {
  const anchors = new Anchors();
  const { ipc, vfs } = kernel;
  const adopted: Readonly<Record<string, object>> = {
    kernel, dispatcher: kernel.dispatcher, futexes: kernel.futexes, ipc, memory: kernel.memory, runner: kernel.runner, running: kernel.running,
    signals: kernel.signals, syslog: kernel.syslog, tasks: kernel.tasks, tcbs: kernel.tcbs, terminals: ipc.terminals, timekeeper: kernel.timekeeper,
    timers: kernel.timers, unixNames: ipc.unixNames, vfs,
  };
  for (const [name, part] of Object.entries(adopted)) anchors.adopt(name, part);
  const bound: Readonly<Record<string, object>> = {
    ...VFS_CONSTANTS, frames: kernel.frames, host: kernel.host, shared: kernel.shared, realtimeNs: vfs.environment.realtimeNs,
    monotonicClock: kernel.monotonicClock, realtimeClock: kernel.realtimeClock, firstUserNamespace: FIRST_USER_NAMESPACE, nsfs, nsfsMount, 'row seccomp wait': WAIT_ROW,
  };
  for (const [name, part] of Object.entries(bound)) anchors.bind(name, part);
  for (const row of kernel.dispatcher.rows) anchors.bind(`row ${row.name}`, row);
  return anchors;
}
