/** Extended attributes (xattr(7)). */
import { AT_FDCWD, Errno, Nr, XATTR_NAME_MAX, XATTR_SIZE_MAX } from '@troupe/abi';
import { Follow, getXattr, listXattr, removeXattr, setXattr } from '@troupe/vfs';
import { locateOpen, locatePath, pathArg, type Located } from '../../file/path-args.js';
import type { Task } from '../../task/task.js';
import { fd, inBuf, int, outBuf, path, size, str, type ArgSpec, type SyscallRow } from '../row.js';

type Where = (task: Task, at: number) => Located | number;

const byPath: Where = (task, at) => locatePath(task, AT_FDCWD, pathArg(task, at), Follow.YES);
const byLink: Where = (task, at) => locatePath(task, AT_FDCWD, pathArg(task, at), Follow.NO);
const byDescriptor: Where = (task, at) => locateOpen(task, at);

/** The three forms of every call: path, path without following a link, descriptor. */
const FORMS: readonly { readonly prefix: '' | 'l' | 'f'; readonly where: Where; readonly arg: ArgSpec }[] = [
  { prefix: '', where: byPath, arg: path() },
  { prefix: 'l', where: byLink, arg: path() },
  { prefix: 'f', where: byDescriptor, arg: fd() },
];

/** Attribute name; ERANGE when empty or too long (xattr(7)). */
function nameArg(task: Task, at: number): string | number {
  const name = task.mm.copyInString(at, XATTR_SIZE_MAX);
  return name === '' || name.length > XATTR_NAME_MAX ? -Errno.ERANGE : name;
}

/** Copies out a result whose size the caller may only want to know (size 0). */
function give(task: Task, bytes: Uint8Array, at: number, sizeBytes: number): number {
  if (sizeBytes === 0) return bytes.length;
  if (bytes.length > sizeBytes) return -Errno.ERANGE;
  task.mm.copyOut(at, bytes);
  return bytes.length;
}

function doGet(where: Where, task: Task, at: number, nameAddr: number, valueAddr: number, sizeBytes: number): number {
  const name = nameArg(task, nameAddr);
  const found = where(task, at);
  if (typeof found === 'number') return found;
  if (typeof name === 'number') return name;
  const value = getXattr(found.ctx, found.node, name);
  return typeof value === 'number' ? value : give(task, value, valueAddr, sizeBytes);
}

function doSet(where: Where, task: Task, at: number, nameAddr: number, valueAddr: number, sizeBytes: number, setFlags: number): number {
  if (setFlags & ~3) return -Errno.EINVAL;
  const name = nameArg(task, nameAddr);
  if (typeof name === 'number') return name;
  if (sizeBytes > XATTR_SIZE_MAX) return -Errno.E2BIG;
  const value = task.mm.copyIn(valueAddr, sizeBytes);
  const found = where(task, at);
  return typeof found === 'number' ? found : setXattr(found.ctx, found.node, name, value, setFlags);
}

function doRemove(where: Where, task: Task, at: number, nameAddr: number): number {
  const name = nameArg(task, nameAddr);
  if (typeof name === 'number') return name;
  const found = where(task, at);
  return typeof found === 'number' ? found : removeXattr(found.ctx, found.node, name);
}

function doList(where: Where, task: Task, at: number, listAddr: number, sizeBytes: number): number {
  const found = where(task, at);
  if (typeof found === 'number') return found;
  const names = listXattr(found.ctx, found.node);
  if (typeof names === 'number') return names;
  return give(task, Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1'), listAddr, sizeBytes);
}

function formRows({ prefix, where, arg }: (typeof FORMS)[number]): SyscallRow[] {
  const common = { groups: [prefix === 'f' ? '%desc' : '%file'], support: 'full' } as const;
  return [
    { ...common, nr: Nr[`${prefix}getxattr`], name: `${prefix}getxattr`, args: [arg, str('name'), outBuf('value', 'return'), size('size')], man: 'getxattr(2)', handler: (task, at, name, value, bytes) => doGet(where, task, at, name, value, bytes) },
    { ...common, nr: Nr[`${prefix}setxattr`], name: `${prefix}setxattr`, args: [arg, str('name'), inBuf('value', 'size'), size('size'), int('flags')], man: 'setxattr(2)', handler: (task, at, name, value, bytes, setFlags) => doSet(where, task, at, name, value, bytes, setFlags) },
    { ...common, nr: Nr[`${prefix}removexattr`], name: `${prefix}removexattr`, args: [arg, str('name')], man: 'removexattr(2)', handler: (task, at, name) => doRemove(where, task, at, name) },
    { ...common, nr: Nr[`${prefix}listxattr`], name: `${prefix}listxattr`, args: [arg, outBuf('list', 'return'), size('size')], man: 'listxattr(2)', handler: (task, at, list, bytes) => doList(where, task, at, list, bytes) },
  ];
}

export const rows: readonly SyscallRow[] = FORMS.flatMap(formRows);
