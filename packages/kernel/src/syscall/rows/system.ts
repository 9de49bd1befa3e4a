/** The system as a whole: names, memory totals, random numbers. */
import { Cap, Errno, hasCapIn, NS_PER_SEC } from '@troupe/abi';
import { hostRandomBytes } from '@troupe/vfs';
import { RELEASE, VERSION } from '../../namespace/uts-namespace.js';
import type { Task } from '../../task/task.js';
import { flags, inBuf, int, outBuf, size, uint, type SyscallRow } from '../row.js';

const UTS_FIELD_BYTES = 65;

function sysUname(task: Task, out: number): number {
  const uts = task.namespaces.uts;
  const fields = ['Linux', uts.hostname, RELEASE, VERSION, 'x86_64', uts.domainname];
  const bytes = Buffer.alloc(UTS_FIELD_BYTES * fields.length);
  fields.forEach((text, index) => bytes.write(text.slice(0, UTS_FIELD_BYTES - 1), index * UTS_FIELD_BYTES, 'latin1'));
  task.mm.copyOut(out, bytes);
  return 0;
}

function setUtsField(task: Task, field: 'hostname' | 'domainname', name: number, sizeBytes: number): number {
  if (sizeBytes < 0 || sizeBytes > 64) return -Errno.EINVAL;
  if (!hasCapIn(task.creds, task.namespaces.uts.userNamespace, Cap.SYS_ADMIN)) return -Errno.EPERM;
  task.namespaces.uts[field] = Buffer.from(task.mm.copyIn(name, sizeBytes)).toString('latin1');
  return 0;
}

const SYSINFO_BYTES = 112;
const PAGE = 4096;

/** struct sysinfo (sysinfo(2)). */
function sysSysinfo(task: Task, out: number): number {
  const { kernel } = task;
  const totalBytes = kernel.frames.limitFrames * PAGE;
  const bytes = Buffer.alloc(SYSINFO_BYTES);
  bytes.writeBigInt64LE(BigInt(Math.floor(kernel.monotonicNs() / NS_PER_SEC)), 0);
  bytes.writeBigUInt64LE(BigInt(totalBytes), 32);
  bytes.writeBigUInt64LE(BigInt(totalBytes - kernel.frames.framesInUse * PAGE), 40);
  bytes.writeUInt16LE(Math.min(0xffff, kernel.tasks.count), 80);
  bytes.writeUInt32LE(1, 104);
  task.mm.copyOut(out, bytes);
  return 0;
}

const GRND = [['GRND_NONBLOCK', 1], ['GRND_RANDOM', 2], ['GRND_INSECURE', 4]] as const;
const RANDOM_CHUNK_BYTES = 1 << 20;

function sysGetrandom(task: Task, buf: number, sizeBytes: number, flagBits: number): number {
  if (flagBits & ~7) return -Errno.EINVAL;
  const wanted = Math.min(sizeBytes, 0x7fff_f000);
  let done = 0;
  while (done < wanted) {
    const chunk = hostRandomBytes(Math.min(RANDOM_CHUNK_BYTES, wanted - done));
    task.mm.copyOut(buf + done, chunk);
    done += chunk.length;
  }
  return done;
}

const PERSONALITY_QUERY = 0xffff_ffff;
const PER_MASK = 0xff;
const ADDR_NO_RANDOMIZE = 0x004_0000;

/** personality(2): only the native one exists; ADDR_NO_RANDOMIZE is kept, as addresses are never random. The previous value. */
function sysPersonality(task: Task, persona: number): number {
  const before = task.personality;
  if (persona === PERSONALITY_QUERY) return before;
  if ((persona & PER_MASK) !== 0 || (persona & ~ADDR_NO_RANDOMIZE) !== 0) return -Errno.EINVAL;
  task.personality = persona;
  return before;
}

export const rows: readonly SyscallRow[] = [
  { nr: 63, name: 'uname', args: [outBuf('buf', 390)], groups: ['%system'], support: 'full', man: 'uname(2)', handler: sysUname },
  { nr: 170, name: 'sethostname', args: [inBuf('name', 'len'), int('len')], groups: ['%system'], support: 'full', man: 'sethostname(2)', handler: (task: Task, name: number, len: number) => setUtsField(task, 'hostname', name, len) },
  { nr: 171, name: 'setdomainname', args: [inBuf('name', 'len'), int('len')], groups: ['%system'], support: 'full', man: 'setdomainname(2)', handler: (task: Task, name: number, len: number) => setUtsField(task, 'domainname', name, len) },
  { nr: 99, name: 'sysinfo', args: [outBuf('info', SYSINFO_BYTES)], groups: ['%system'], support: 'full', man: 'sysinfo(2)', handler: sysSysinfo },
  { nr: 318, name: 'getrandom', args: [outBuf('buf', 'buflen'), size('buflen'), flags('flags', GRND)], groups: ['%system'], support: 'full', man: 'getrandom(2)', handler: sysGetrandom },
  { nr: 135, name: 'personality', args: [uint('persona')], groups: ['%process'], support: { partial: 'PER_LINUX and ADDR_NO_RANDOMIZE only' }, man: 'personality(2)', handler: sysPersonality },
];
