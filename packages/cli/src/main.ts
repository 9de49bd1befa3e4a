/** The troupe command: options, and what each subcommand does with them. */
import { Command, CommanderError } from 'commander';
import { messageOfError, STATUS_PARALLEL_ERROR, STATUS_TROUPE_ERROR, statusOfError } from './exit-status.js';
import { addImageCommands } from './image/options.js';
import { addKernelOptions, kernelSettingsOf, type RawKernelOptions } from './kernel-options.js';
import { addObserveOptions, observeSettingsOf, type RawObserveOptions } from './observe.js';
import { parallelCommand } from './parallel/command.js';
import { addParallelOptions, type RawParallelOptions } from './parallel/options.js';
import { runCommand, type RunSettings } from './run.js';

interface RawOptions extends RawKernelOptions, RawObserveOptions {
  rootfs?: string;
}

function addCommonOptions(command: Command): Command {
  return addObserveOptions(addKernelOptions(command))
    .argument('<command...>', 'program and its arguments')
    .passThroughOptions()
    .allowExcessArguments();
}

function settingsOf(argv: readonly string[], raw: RawOptions, isHostRoot: boolean): RunSettings {
  return {
    ...kernelSettingsOf(raw, isHostRoot ? undefined : raw.rootfs),
    ...observeSettingsOf(raw),
    argv,
  };
}

/** Runs the command line; resolves with the exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command('troupe').description('A Linux kernel in TypeScript: runs x86-64 Linux programs inside Node').version('0.1.0').enablePositionalOptions().exitOverride();
  addCommonOptions(program.command('do').description('run a command on the host root (read-only; writes stay in memory)'))
    .action(async (command: string[], raw: RawOptions) => void (status = await runCommand(settingsOf(command, raw, true))));
  addCommonOptions(program.command('run').description('run a command in a root folder or tar archive').requiredOption('--rootfs <dir|tar>', 'root directory or tar archive (also .gz)'))
    .action(async (command: string[], raw: RawOptions) => void (status = await runCommand(settingsOf(command, raw, false))));
  addParallelOptions(program.command('parallel').description('run a command for each of many arguments, several at once, on one kernel'))
    .action(async (operands: string[], raw: RawParallelOptions) => void (status = await parallelCommand(operands, raw)));
  addImageCommands(program, (code) => void (status = code));
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    const isParallel = argv[2] === 'parallel';
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : isParallel ? STATUS_PARALLEL_ERROR : STATUS_TROUPE_ERROR;
    process.stderr.write(`troupe: ${messageOfError(error)}\n`);
    return isParallel ? STATUS_PARALLEL_ERROR : statusOfError(error);
  }
  return status;
}
