/** The troupe command: options, and what each subcommand does with them. */
import { Command, CommanderError, Option } from 'commander';
import { LOCAL_CORE } from '@troupe/abi';
import { messageOfError, STATUS_TROUPE_ERROR, statusOfError } from './exit-status.js';
import { runCommand, type RunSettings } from './run.js';
import { parseCount, parseDenied, parseEnv, parseSizeBytes, parseTime, parseUser, parseVolume } from './values.js';


interface RawOptions {
  rootfs?: string;
  volume: string[];
  env: string[];
  workdir?: string;
  user?: string;
  hostname?: string;
  time: string;
  cores?: string;
  memory?: string;
  strace?: string | boolean;
  straceCount?: boolean;
  stat?: boolean;
  deny: string[];
  engine: RunSettings['engine'];
  unicorn?: string;
}

const collect = (value: string, all: string[]): string[] => [...all, value];

function addCommonOptions(command: Command): Command {
  return command
    .argument('<command...>', 'program and its arguments')
    .option('--volume <host:guest[:ro]>', 'a host directory in the guest', collect, [])
    .option('--env <K=V>', 'environment variable (K alone: the host value)', collect, [])
    .option('--workdir <dir>', 'working directory in the guest')
    .option('--user <uid[:gid]>', 'user and group of the program')
    .option('--hostname <name>', 'host name in the guest')
    .option('--time <mode>', 'host; virtual: jump to the next timer while every task waits; frozen; xN: N times as fast', 'host')
    .option('--cores <n>', 'emulated CPUs (default: those of the host)')
    .option('--memory <size>', 'bound of guest memory, for example 2G')
    .option('--strace [expr]', 'trace system calls on standard error; expr: names or %groups, separated by commas')
    .option('-c, --strace-count', 'count system calls and print a table at the end')
    .option('--deny <calls>', 'make system calls fail: names or %groups, separated by commas, each with =ERRNO (default EPERM)', collect, [])
    .option('--stat', 'print counters at the end')
    .addOption(new Option('--engine <name>', 'how guest code runs').choices(['interp', 'jit', 'unicorn']).default('jit'))
    .option('--unicorn <path>', 'libunicorn.so.2 or a build of unicorn.js, for --engine unicorn')
    .passThroughOptions()
    .allowExcessArguments();
}

function settingsOf(argv: readonly string[], raw: RawOptions, isHostRoot: boolean): RunSettings {
  const env = isHostRoot ? Object.entries(process.env).map(([key, value]) => `${key}=${value ?? ''}`) : ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'TERM=xterm'];
  for (const text of raw.env) {
    const entry = parseEnv(text, process.env);
    if (entry !== undefined) env.push(entry);
  }
  return {
    argv,
    env: lastOfEachName(env),
    rootfs: isHostRoot ? undefined : raw.rootfs,
    volumes: raw.volume.map(parseVolume),
    workdir: raw.workdir ?? (isHostRoot ? process.cwd() : '/'),
    user: raw.user === undefined ? (isHostRoot ? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } : undefined) : parseUser(raw.user),
    hostname: raw.hostname,
    time: parseTime(raw.time),
    cores: raw.cores === undefined ? undefined : parseCount(raw.cores, '--cores', LOCAL_CORE),
    memoryBytes: raw.memory === undefined ? undefined : parseSizeBytes(raw.memory, '--memory'),
    strace: raw.strace === undefined || raw.strace === false ? undefined : raw.strace === true ? '' : raw.strace,
    isCounting: raw.straceCount ?? false,
    isStatWanted: raw.stat ?? false,
    denied: raw.deny.flatMap(parseDenied),
    engine: raw.engine,
    unicorn: raw.unicorn,
  };
}

function lastOfEachName(env: readonly string[]): string[] {
  const byName = new Map(env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry]));
  return [...byName.values()];
}

/** Runs the command line; resolves with the exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command('troupe').description('A Linux kernel in TypeScript: runs x86-64 Linux programs inside Node').version('0.1.0').enablePositionalOptions().exitOverride();
  addCommonOptions(program.command('do').description('run a command on the host root (read-only; writes stay in memory)'))
    .action(async (command: string[], raw: RawOptions) => void (status = await runCommand(settingsOf(command, raw, true))));
  addCommonOptions(program.command('run').description('run a command in a root folder or tar archive').requiredOption('--rootfs <dir|tar>', 'root directory or tar archive (also .gz)'))
    .action(async (command: string[], raw: RawOptions) => void (status = await runCommand(settingsOf(command, raw, false))));
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : STATUS_TROUPE_ERROR;
    process.stderr.write(`troupe: ${messageOfError(error)}\n`);
    return statusOfError(error);
  }
  return status;
}
