/** When a run ends before its input does: never, or now|soon with fail=, success= or done= N or N% (parallel(1) --halt). */
import { ConfigError, shellStatus, type ExitStatus } from '@troupe/abi';

export interface HaltRule {
  /** soon: jobs that run may end; now: they are killed. */
  readonly when: 'never' | 'soon' | 'now';
  readonly why: 'fail' | 'success' | 'done';
  readonly count: number;
  readonly isPercent: boolean;
}

export const NEVER_HALT: HaltRule = { when: 'never', why: 'fail', count: 1, isPercent: false };

const ONCE = { count: 1, isPercent: false };
const OLD_FORMS: Readonly<Record<string, HaltRule>> = {
  '0': NEVER_HALT, '1': { when: 'soon', why: 'fail', ...ONCE }, '2': { when: 'now', why: 'fail', ...ONCE },
  '-1': { when: 'soon', why: 'success', ...ONCE }, '-2': { when: 'now', why: 'success', ...ONCE },
};

export function parseHalt(text: string): HaltRule {
  const old = OLD_FORMS[text];
  if (old) return old;
  if (text === 'never') return NEVER_HALT;
  const percent = /^(\d\d?)%$/.exec(text);
  if (percent) return { when: 'soon', why: 'fail', count: Number(percent[1]), isPercent: true };
  const match = /^(now|soon)(?:,(fail|success|done)=([1-9]\d*)(%?))?$/.exec(text);
  if (!match) throw new ConfigError(`'${text}' is none of never, now|soon[,fail|success|done=N[%]]`, '--halt');
  const [, when, why = 'fail', count = '1', percentSign] = match;
  return { when: when as 'now' | 'soon', why: why as HaltRule['why'], count: Number(count), isPercent: percentSign === '%' };
}

/** Counts the ends of jobs; says when the rule applies, and the exit status of the run. */
export class HaltJudge {
  private _failed = 0;
  private _succeeded = 0;
  private _haltStatus: number | undefined;

  /** `totalJobs` is needed for percentages only. */
  constructor(readonly rule: HaltRule, readonly totalJobs: number | undefined) {}

  get failed(): number {
    return this._failed;
  }

  get isHalted(): boolean {
    return this._haltStatus !== undefined;
  }

  /** True when this end of a job is the one that makes the rule apply. */
  note(status: ExitStatus): boolean {
    const code = shellStatus(status);
    if (code === 0) this._succeeded++;
    else this._failed++;
    const { when, why, count, isPercent } = this.rule;
    if (when === 'never' || this.isHalted) return false;
    const reached = why === 'fail' ? this._failed : why === 'success' ? this._succeeded : this._failed + this._succeeded;
    const isCounted = why === 'done' || (why === 'fail') === (code !== 0);
    if (!isCounted || reached < (isPercent ? (count / 100) * this.totalJobs! : count)) return false;
    this._haltStatus = this._statusAtHalt(code);
    return true;
  }

  private _statusAtHalt(code: number): number {
    const { why, count, isPercent } = this.rule;
    if (why === 'success') return 0;
    if (isPercent) return Math.min(100, Math.ceil((this._failed / this.totalJobs!) * 100));
    return count === 1 ? code : Math.min(this._failed, 101);
  }

  /** 0; 1 to 100 jobs that failed; 101 for more; after a halt what the rule says (parallel(1) EXIT STATUS). */
  get exitStatus(): number {
    return this._haltStatus ?? Math.min(this._failed, 101);
  }
}
