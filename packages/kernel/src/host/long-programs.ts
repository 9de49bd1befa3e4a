/**
 * Which commands run long: a program that did so in an earlier run gets its kept translations from the start
 * (docs/adr/0033-kept-translations.md).
 *
 *   Owns:     KernelHeader.wakeCompiler
 *   Accepts:  the starts and ends of programs, as KernelHost gets them
 */
import { headerWord, type SharedMemory } from '@troupe/abi';
import { jitMode, keptFolderIn, type JitMode } from '@troupe/cpu-worker/jit/jit-mode.js';
import { LongCommands } from '@troupe/cpu-worker/jit/long-commands.js';
import type { Command } from '../task/exec-image.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { groupUsage } from '../task/usage.js';

const WAKE_COMPILER = headerWord('wakeCompiler');
/** Of one process. Programs of 25 million get slower by the start of the thread, those of 70 million faster. */
const LONG_INSTRUCTIONS = 50_000_000;

interface Running {
  readonly key: bigint;
  /** What the process had run before the program. */
  readonly instructionsBefore: number;
}

export class LongPrograms {
  /** None for a process that runs the program of the one it was forked from. */
  private readonly _running = new WeakMap<ThreadGroup, Running>();

  constructor(readonly shared: SharedMemory, /** Undefined: no translations are kept. */ readonly commands: LongCommands | undefined) {}

  /** For cores that make translations in that mode. */
  static of(shared: SharedMemory, jit: JitMode): LongPrograms {
    const folder = keptFolderIn(jitMode(jit).mode);
    return new LongPrograms(shared, folder === undefined ? undefined : new LongCommands(folder));
  }

  executed(group: ThreadGroup, command: Command): void {
    if (this.commands === undefined) return;
    const instructionsBefore = groupUsage(group).instructions;
    if (this._running.has(group)) this._remember(group, instructionsBefore);
    const key = keyOf(command);
    this._running.set(group, { key, instructionsBefore });
    if (this.commands.has(key)) Atomics.store(this.shared.i32, WAKE_COMPILER, 1);
  }

  exited(group: ThreadGroup): void {
    if (this.commands !== undefined) this._remember(group, group.exitedUsage.instructions);
  }

  /** The commands of its ancestors are remembered, too: names of temporary files make that of cc1 another one each time, but not that of gcc. */
  private _remember(group: ThreadGroup, instructions: number): void {
    if (instructions - (this._running.get(group)?.instructionsBefore ?? 0) < LONG_INSTRUCTIONS) return;
    const keys = new Set<bigint>();
    for (let at: ThreadGroup | null = group; at !== null; at = at.parent) {
      const running = this._running.get(at);
      if (running !== undefined) keys.add(running.key);
    }
    this.commands!.add([...keys]);
  }
}

/** FNV-1a and a variant of it, 64 bits together: node:crypto would take 2 ms to load. */
function keyOf({ node, path, argv }: Command): bigint {
  const { sizeBytes, mtimeNs } = node.inode.stat();
  const text = [path, sizeBytes, mtimeNs, ...argv].join('\0');
  let low = 0x811c9dc5;
  let high = 0x050c5d1f;
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(i), 0x5bd1e995);
  }
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
