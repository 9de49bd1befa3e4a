/** Options that say what kernel programs run on, of every subcommand. */
import { Option, type Command } from 'commander';
import { LOCAL_CORE } from '@troupe/abi';
import type { KernelSettings } from './run.js';
import { parseCount, parseDenied, parseEnv, parseSizeBytes, parseTime, parseUser, parseVolume } from './values.js';

export interface RawKernelOptions {
  volume: string[];
  env: string[];
  workdir?: string;
  user?: string;
  hostname?: string;
  time: string;
  cores?: string;
  memory?: string;
  deny: string[];
  engine: KernelSettings['engine'];
  unicorn?: string;
}

export const collect = (value: string, all: string[]): string[] => [...all, value];

export function denyOption(): Option {
  return new Option('--deny <calls>', 'make system calls fail: names or %groups, separated by commas, each with =ERRNO (default EPERM)').argParser(collect).default([]);
}

export function addKernelOptions(command: Command): Command {
  return command
    .option('--volume <host:guest[:ro]>', 'a host directory in the guest', collect, [])
    .option('--env <K=V>', 'environment variable (K alone: the host value)', collect, [])
    .option('--workdir <dir>', 'working directory in the guest')
    .option('--user <uid[:gid]>', 'user and group of the program')
    .option('--hostname <name>', 'host name in the guest')
    .option('--time <mode>', 'host; virtual: jump to the next timer while every task waits; frozen; xN: N times as fast', 'host')
    .option('--cores <n>', 'emulated CPUs (default: those of the host)')
    .option('--memory <size>', 'bound of guest memory, for example 2G')
    .addOption(denyOption())
    .addOption(new Option('--engine <name>', 'how guest code runs').choices(['interp', 'jit', 'unicorn']).default('jit'))
    .option('--unicorn <path>', 'libunicorn.so.2 or a build of unicorn.js, for --engine unicorn');
}

const ROOTFS_ENV = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'TERM=xterm'];

/** rootfs undefined: the host's root, environment and user. */
export function kernelSettingsOf(raw: RawKernelOptions, rootfs: string | undefined): KernelSettings {
  const isHostRoot = rootfs === undefined;
  const env = isHostRoot ? Object.entries(process.env).map(([key, value]) => `${key}=${value ?? ''}`) : [...ROOTFS_ENV];
  for (const text of raw.env) {
    const entry = parseEnv(text, process.env);
    if (entry !== undefined) env.push(entry);
  }
  return {
    env: lastOfEachName(env),
    rootfs,
    volumes: raw.volume.map(parseVolume),
    workdir: raw.workdir ?? (isHostRoot ? process.cwd() : '/'),
    user: raw.user === undefined ? (isHostRoot ? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } : undefined) : parseUser(raw.user),
    hostname: raw.hostname,
    time: parseTime(raw.time),
    cores: raw.cores === undefined ? undefined : parseCount(raw.cores, '--cores', LOCAL_CORE),
    memoryBytes: raw.memory === undefined ? undefined : parseSizeBytes(raw.memory, '--memory'),
    denied: raw.deny.flatMap(parseDenied),
    engine: raw.engine,
    unicorn: raw.unicorn,
  };
}

function lastOfEachName(env: readonly string[]): string[] {
  const byName = new Map(env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry]));
  return [...byName.values()];
}
