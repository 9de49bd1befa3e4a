/** The subcommands about images of machines. */
import { checkpointCommand, inspectCommand, restoreCommand } from './commands.js';
import { Option, type Command } from 'commander';
import { LOCAL_CORE } from '@troupe/abi';
import { denyOption } from '../kernel-options.js';
import { addObserveOptions, observeSettingsOf, type RawObserveOptions } from '../observe.js';
import { parseCount, parseDenied, parseSizeBytes } from '../values.js';

const MAX_PID = 2 ** 22;
const MAX_COPIES = 1000;

interface RawCheckpoint {
  pid: string;
  leaveRunning?: boolean;
  compress?: boolean;
  incremental?: boolean;
}

interface RawRestore extends RawObserveOptions {
  deny: string[];
  cores?: string;
  memory?: string;
  engine: 'interp' | 'jit';
  copies: string;
}

/** `finish` gets the exit status. */
export function addImageCommands(program: Command, finish: (status: number) => void): void {
  program.command('checkpoint').description('save a running machine to a file').argument('<image>', 'file to write')
    .requiredOption('--pid <pid>', 'process id of the troupe command that runs it')
    .option('--leave-running', 'let the machine go on afterwards')
    .option('--compress', 'make the file smaller')
    .option('--incremental', 'only what differs from the last incremental image; the first one is complete')
    .action(async (path: string, raw: RawCheckpoint) => {
      finish(await checkpointCommand({ path, pid: parseCount(raw.pid, '--pid', MAX_PID), isCompressed: raw.compress ?? false, isIncremental: raw.incremental ?? false, leaveRunning: raw.leaveRunning ?? false }));
    });
  addObserveOptions(program.command('restore')).description('let a saved machine go on').argument('<image...>', 'file that checkpoint wrote; of incremental ones all, oldest first')
    .option('--cores <n>', 'emulated CPUs (default: those of the host)')
    .option('--memory <size>', 'bound of guest memory (default: that of the saved machine)')
    .option('--copies <n>', 'start several of them, without input', '1')
    .addOption(denyOption())
    .addOption(new Option('--engine <name>', 'how guest code runs').choices(['interp', 'jit']).default('jit'))
    .action(async (paths: string[], raw: RawRestore) => {
      finish(await restoreCommand({
        ...observeSettingsOf(raw), denied: raw.deny.flatMap(parseDenied), paths, engine: raw.engine, copies: parseCount(raw.copies, '--copies', MAX_COPIES),
        ...(raw.cores === undefined ? {} : { cores: parseCount(raw.cores, '--cores', LOCAL_CORE) }),
        ...(raw.memory === undefined ? {} : { memoryBytes: parseSizeBytes(raw.memory, '--memory') }),
      }));
    });
  program.command('image').description('about saved machines')
    .command('inspect').description('show what an image holds').argument('<image>', 'file that checkpoint wrote')
    .option('--json', 'for programs')
    .action(async (path: string, raw: { json?: boolean }) => {
      finish(await inspectCommand(path, raw.json ?? false));
    });
}
