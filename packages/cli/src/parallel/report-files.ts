/** --report FILE: what happened in the run; .html is a page, .json for programs, anything else a table; - is standard error. */
import { writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { HostError } from '@troupe/abi';
import { CoreUseMeter, htmlReport, ReportBuilder, textReport, type JobEvent, type RunReport } from '@troupe/kernel/jobs';
import type { SchedEvent } from '@troupe/kernel';

function contentOf(report: RunReport, path: string): string {
  const extension = extname(path).toLowerCase();
  if (extension === '.html' || extension === '.htm') return htmlReport(report);
  return extension === '.json' ? `${JSON.stringify(report)}\n` : textReport(report);
}

export class ReportFiles {
  private readonly _builder = new ReportBuilder();
  private _meter: CoreUseMeter | null = null;

  constructor(readonly paths: readonly string[]) {}

  add(event: JobEvent): void {
    this._builder.add(event);
  }

  /** Events of the scheduler of a kernel with so many cores go where this says. */
  watchCores(cores: number): (event: SchedEvent) => void {
    const meter = (this._meter = new CoreUseMeter(cores));
    return (event) => meter.add(event);
  }

  /** Writes what was asked for, if the run has come to its end. Throws HostError. */
  write(slots: number): void {
    const report = this._builder.report(slots, this._meter?.use() ?? null);
    if (report === null) return;
    for (const path of this.paths) {
      if (path === '-') process.stderr.write(textReport(report));
      else writeReport(path, contentOf(report, path));
    }
  }
}

function writeReport(path: string, content: string): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw new HostError(`--report ${path}`, error);
  }
}
