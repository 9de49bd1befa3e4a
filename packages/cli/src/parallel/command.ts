/** `troupe parallel`: many jobs on one kernel, in the manner of GNU parallel. */
import { availableParallelism } from 'node:os';
import { ConfigError, Errno, HostError, O_WRONLY, Sig } from '@troupe/abi';
import { HostStream } from '@troupe/vfs';
import { DryRunExecutor, IsolatedExecutor, KernelExecutor, parseJobCount, runJobs, type JobEvent, type JobExecutor, type RunControl } from '@troupe/kernel/jobs';
import type { Kernel } from '@troupe/kernel';
import { kernelSettingsOf } from '../kernel-options.js';
import { createKernel, type KernelSettings } from '../run.js';
import { traceScheduler } from '../sched-trace.js';
import type { RawParallelOptions } from './options.js';
import { notice } from './notices.js';
import { ProgressDisplay } from './progress-display.js';
import { ReportFiles } from './report-files.js';
import { isWarm, jobsOptionsOf, limitsOf, StandardInput } from './settings.js';
import { warmExecutor } from './warm.js';

const STREAMS = { 1: new HostStream({ flags: O_WRONLY, output: 1 }), 2: new HostStream({ flags: O_WRONLY, output: 2 }) };

/** The reader of our output is gone: the run ends as a program that SIGPIPE kills. */
class BrokenPipe extends Error {}

function write(fd: 1 | 2, bytes: Uint8Array): void {
  const result = STREAMS[fd].write(bytes);
  if (result === -Errno.EPIPE) throw new BrokenPipe();
  if (result !== bytes.length) throw new HostError('output of jobs cannot be written', result);
}

/** Ctrl-C and SIGTERM end every job, SIGHUP lets those end that run. Returns what takes the handlers away, and says which signal came. */
function watchSignals(control: () => RunControl | undefined): { readonly stop: () => void; readonly ended: () => number | undefined } {
  let signo: number | undefined;
  const end = (name: 'SIGINT' | 'SIGTERM'): void => {
    signo ??= name === 'SIGINT' ? Sig.INT : Sig.TERM;
    control()?.interrupt();
  };
  const drain = (): void => control()?.stopStarting();
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', drain);
  return { stop: () => void process.off('SIGINT', end).off('SIGTERM', end).off('SIGHUP', drain), ended: () => signo };
}

/** Resolves with the exit status: that of parallel(1), or 128 + signal. */
export async function parallelCommand(operands: readonly string[], raw: RawParallelOptions): Promise<number> {
  const settings = kernelSettingsOf(raw, raw.rootfs);
  if (raw.dryRun) return await run(operands, raw, new DryRunExecutor(settings.cores ?? 1));
  if (raw.isolate) return await run(operands, raw, isolatedExecutor(raw, settings));
  if (isWarm(raw)) return await run(operands, raw, await warmExecutor(raw, settings));
  const kernel = await createKernel(settings);
  const reports = new ReportFiles(raw.report);
  let endTrace = (): void => undefined;
  try {
    endTrace = traceOf(kernel, raw, reports);
    const { env, workdir, user } = settings;
    return await run(operands, raw, new KernelExecutor(kernel, { shell: raw.shell, env, cwd: workdir, limits: limitsOf(raw), ...(user ? { user } : {}) }), reports);
  } finally {
    endTrace();
    await kernel.close();
  }
}

/** --isolate. Throws ConfigError. */
function isolatedExecutor(raw: RawParallelOptions, settings: KernelSettings): IsolatedExecutor {
  const { cores, env, workdir, user } = settings;
  if (isWarm(raw)) throw new ConfigError('cannot be used together with --warm or --from: their jobs are isolated', '--isolate');
  if (raw.traceSched !== undefined) throw new ConfigError('is for jobs that share a kernel', '--trace-sched');
  return new IsolatedExecutor({
    createKernel: () => createKernel({ ...settings, cores: 1 }), cpus: cores ?? availableParallelism(),
    environment: { shell: raw.shell, env, cwd: workdir, limits: limitsOf(raw), ...(user ? { user } : {}) },
  });
}

/** --trace-sched, and what reports want to know of the cores. Returns what ends it. */
function traceOf(kernel: Kernel, { report, traceSched }: RawParallelOptions, reports: ReportFiles): () => void {
  if (traceSched !== undefined) return traceScheduler(kernel, traceSched, report.length > 0 ? reports.watchCores(kernel.host.cores) : undefined);
  return report.length > 0 ? kernel.traceScheduler(reports.watchCores(kernel.host.cores)) : () => undefined;
}

async function run(operands: readonly string[], raw: RawParallelOptions, executor: JobExecutor, reports = new ReportFiles(raw.report)): Promise<number> {
  const input = new StandardInput();
  const options = jobsOptionsOf(operands, raw, parseJobCount(raw.jobs, executor.cpus), input);
  let control: RunControl | undefined;
  const signals = watchSignals(() => control);
  const progress = raw.bar || raw.eta ? new ProgressDisplay(raw.bar ? 'bar' : 'eta') : null;
  const onEvent = (event: JobEvent): void => {
    progress?.add(event);
    if (raw.report.length > 0) reports.add(event);
    const text = event.kind === 'output' ? '' : notice(event, raw.verbose ?? false);
    if (event.kind === 'output' || text !== '') progress?.hide();
    if (event.kind === 'output') return write(event.fd, event.bytes);
    if (text !== '') process.stderr.write(text);
  };
  try {
    const { exitStatus } = await runJobs(options, executor, onEvent, (started) => (control = started));
    progress?.stop();
    if (raw.report.length > 0) reports.write(options.slots ?? executor.cpus);
    const signo = signals.ended();
    return signo === undefined ? exitStatus : 128 + signo;
  } catch (error) {
    if (error instanceof BrokenPipe) return 128 + Sig.PIPE;
    throw error;
  } finally {
    progress?.stop();
    signals.stop();
    input.close();
  }
}
