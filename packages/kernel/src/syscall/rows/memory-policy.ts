/** NUMA policies of a machine with one node (numa(7)): kept, without effect. */
import { Errno } from '@troupe/abi';
import type { Task } from '../../task/task.js';
import { addr, choice, flags, inBuf, outBuf, size, type SyscallRow } from '../row.js';

const Mpol = { DEFAULT: 0, PREFERRED: 1, BIND: 2, INTERLEAVE: 3, LOCAL: 4, PREFERRED_MANY: 5 } as const;
/** MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES. */
const MODE_FLAGS = 0xc000;
const GetFlag = { NODE: 1, ADDR: 2, MEMS_ALLOWED: 4 } as const;
const MbindFlag = { STRICT: 1, MOVE: 2, MOVE_ALL: 4 } as const;
/** Node 0 is the only one. */
const NODES = 1n;
const MAX_NODE_BITS = 32768;

/** A node mask of `bits` - 1 bits, or -errno. */
function readNodes(task: Task, at: number, bits: number): bigint | number {
  if (at === 0 || bits <= 1) return 0n;
  if (bits - 1 > MAX_NODE_BITS) return -Errno.EINVAL;
  const count = bits - 1;
  let mask = 0n;
  for (let word = 0; word * 64 < count; word++) mask |= task.mm.readU64(at + word * 8) << BigInt(word * 64);
  return mask & ((1n << BigInt(count)) - 1n);
}

/** 0, or -EINVAL for a mode and nodes that do not go together. */
function checkPolicy(mode: number, nodes: bigint): number {
  if (mode < 0 || mode > Mpol.PREFERRED_MANY) return -Errno.EINVAL;
  if (mode === Mpol.DEFAULT || mode === Mpol.LOCAL) return nodes === 0n ? 0 : -Errno.EINVAL;
  if (nodes === 0n) return mode === Mpol.PREFERRED ? 0 : -Errno.EINVAL;
  return (nodes & NODES) === 0n ? -Errno.EINVAL : 0;
}

function sysSetMempolicy(task: Task, modeWord: number, at: number, bits: number): number {
  const nodes = readNodes(task, at, bits);
  if (typeof nodes === 'number') return nodes;
  const mode = modeWord & ~MODE_FLAGS;
  const refused = checkPolicy(mode, nodes);
  if (refused === 0) task.memoryPolicy = { mode: modeWord, nodes: nodes & NODES };
  return refused;
}

function sysGetMempolicy(task: Task, modeAt: number, nodesAt: number, bits: number, address: number, flagBits: number): number {
  const { ADDR, MEMS_ALLOWED, NODE } = GetFlag;
  if (flagBits & ~(ADDR | MEMS_ALLOWED | NODE) || (nodesAt !== 0 && bits < 1)) return -Errno.EINVAL;
  if ((flagBits & MEMS_ALLOWED) !== 0) {
    if (flagBits & (NODE | ADDR)) return -Errno.EINVAL;
    if (modeAt !== 0) task.mm.writeU32(modeAt, 0);
    return writeNodes(task, nodesAt, bits, NODES);
  }
  if ((flagBits & ADDR) === 0 && address !== 0) return -Errno.EINVAL;
  if ((flagBits & ADDR) !== 0 && task.mm.vmas.find(address) === undefined) return -Errno.EFAULT;
  const { mode, nodes } = (flagBits & ADDR) !== 0 ? { mode: Mpol.DEFAULT, nodes: 0n } : task.memoryPolicy;
  // MPOL_F_NODE: the node of the page, or the next one of an interleaved policy.
  if ((flagBits & NODE) !== 0 && (flagBits & ADDR) === 0 && (mode & ~MODE_FLAGS) !== Mpol.INTERLEAVE) return -Errno.EINVAL;
  if (modeAt !== 0) task.mm.writeU32(modeAt, (flagBits & NODE) !== 0 ? 0 : mode);
  return writeNodes(task, nodesAt, bits, nodes);
}

function writeNodes(task: Task, at: number, bits: number, nodes: bigint): number {
  if (at === 0) return 0;
  const words = Math.ceil((bits - 1) / 64);
  for (let word = 0; word < words; word++) task.mm.writeU64(at + word * 8, BigInt.asUintN(64, nodes >> BigInt(word * 64)));
  return 0;
}

function sysMbind(task: Task, address: number, lengthBytes: number, modeWord: number, at: number, bits: number, flagBits: number): number {
  if (flagBits & ~(MbindFlag.STRICT | MbindFlag.MOVE | MbindFlag.MOVE_ALL) || address % 4096 !== 0) return -Errno.EINVAL;
  const nodes = readNodes(task, at, bits);
  if (typeof nodes === 'number') return nodes;
  const refused = checkPolicy(modeWord & ~MODE_FLAGS, nodes);
  if (refused !== 0 || lengthBytes === 0) return refused;
  return task.mm.vmas.find(address) === undefined ? -Errno.EFAULT : 0;
}

const MODES = Object.entries(Mpol).map(([name, value]) => [`MPOL_${name}`, value] as const);
const GET_FLAGS = Object.entries(GetFlag).map(([name, value]) => [`MPOL_F_${name}`, value] as const);
const BIND_FLAGS = Object.entries(MbindFlag).map(([name, value]) => [`MPOL_MF_${name}`, value] as const);
const memory = { groups: ['%memory'] } as const;

export const rows: readonly SyscallRow[] = [
  { ...memory, support: { partial: 'one node: checked, without effect; ranges do not remember their policy' }, nr: 237, name: 'mbind', args: [addr('addr'), size('len'), choice('mode', MODES), inBuf('nodemask', 8), size('maxnode'), flags('flags', BIND_FLAGS)], man: 'mbind(2)', handler: sysMbind },
  { ...memory, support: { partial: 'one node: kept, without effect' }, nr: 238, name: 'set_mempolicy', args: [choice('mode', MODES), inBuf('nodemask', 8), size('maxnode')], man: 'set_mempolicy(2)', handler: sysSetMempolicy },
  { ...memory, support: { partial: 'one node; ranges do not remember their policy' }, nr: 239, name: 'get_mempolicy', args: [outBuf('mode', 4), outBuf('nodemask', 8), size('maxnode'), addr('addr'), flags('flags', GET_FLAGS)], man: 'get_mempolicy(2)', handler: sysGetMempolicy },
];
