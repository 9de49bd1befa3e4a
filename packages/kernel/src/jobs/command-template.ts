/**
 * Command lines with replacement strings (parallel(1)): {} the input, {.} without extension, {/} base name,
 * {//} directory, {/.} base name without extension, {N}, {-N} and {N.} … one argument of several, {#} number of
 * the job, {%} its slot.
 */
import { ConfigError } from '@troupe/abi';
import { shellQuote } from './shell-quote.js';

/** What a template is filled with. */
export interface TemplateValues {
  readonly args: readonly string[];
  readonly seq: number;
  readonly slot: number;
}

type Modifier = '' | '.' | '/' | '//' | '/.';
type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'seq' | 'slot' }
  /** position: 1 is the first argument, -1 the last; 0 all. */
  | { readonly kind: 'argument'; readonly position: number; readonly modifier: Modifier };

const PLACEHOLDER = /\{(-?\d+)?(\.|\/\/|\/\.|\/)?\}|\{([#%])\}/;

const withoutExtension = (text: string): string => text.replace(/\.[^/.]*$/, '');
const baseName = (text: string): string => text.slice(text.lastIndexOf('/') + 1);

/** dirname(1) of one argument: `.` when it names no directory. */
function directory(text: string): string {
  const at = text.replace(/(?<=.)\/+$/, '').lastIndexOf('/');
  return at < 0 ? '.' : at === 0 ? '/' : text.slice(0, at);
}

const MODIFIED: Readonly<Record<Modifier, (text: string) => string>> = {
  '': (text) => text, '.': withoutExtension, '/': baseName, '//': directory, '/.': (text) => withoutExtension(baseName(text)),
};

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** Parts of a text; `marker` is what {} is written as (-I). */
function partsOf(template: string, marker: string): Part[] {
  const pattern = new RegExp(`${escaped(marker)}|${PLACEHOLDER.source}`, 'g');
  const parts: Part[] = [];
  let end = 0;
  for (const match of template.matchAll(pattern)) {
    const part = partOf(match, marker);
    if (part === undefined) continue;
    if (match.index > end) parts.push({ kind: 'text', text: template.slice(end, match.index) });
    parts.push(part);
    end = match.index + match[0].length;
  }
  if (end < template.length) parts.push({ kind: 'text', text: template.slice(end) });
  return parts;
}

/** With another marker, {} is plain text. */
function partOf(match: RegExpMatchArray, marker: string): Part | undefined {
  const [text, position, modifier, counter] = match;
  if (text === marker) return { kind: 'argument', position: 0, modifier: '' };
  if (counter !== undefined) return { kind: counter === '#' ? 'seq' : 'slot' };
  if (position === undefined && modifier === undefined) return undefined;
  return { kind: 'argument', position: Number(position ?? 0), modifier: (modifier ?? '') as Modifier };
}

const asIs = (text: string): string => text;

export interface TemplateOptions {
  /** What {} is written as; default {}. */
  readonly marker?: string;
  /** -q: the words are arguments, not shell text. */
  readonly isQuoted?: boolean;
  /** No shell reads the command: arguments stay as they are. */
  readonly isPlain?: boolean;
}

export class CommandTemplate {
  private readonly _parts: readonly Part[];

  /** Throws ConfigError for replacement strings that need perl. */
  constructor(template: string, readonly marker = '{}', private readonly _quote = shellQuote) {
    if (/\{=[^]*=\}/.test(template)) throw new ConfigError('replacement strings with perl expressions are not supported', template);
    this._parts = partsOf(template, marker);
  }

  /** The command of a job; without replacement strings the arguments are appended. No words: the arguments are the command. */
  static ofCommand(words: readonly string[], { marker = '{}', isQuoted = false, isPlain = false }: TemplateOptions = {}): CommandTemplate {
    const text = words.map((word) => (isQuoted ? quotedWord(word, marker) : word)).join(' ');
    if (words.length === 0) return new CommandTemplate(marker, marker, asIs);
    const quote = isPlain ? asIs : shellQuote;
    const template = new CommandTemplate(text, marker, quote);
    return template.hasPlaceholder ? template : new CommandTemplate(`${text} ${marker}`, marker, quote);
  }

  get hasPlaceholder(): boolean {
    return this._parts.some(({ kind }) => kind !== 'text');
  }

  /** A text that is no shell command: arguments stay as they are. */
  static ofText(template: string, marker?: string): CommandTemplate {
    return new CommandTemplate(template, marker, asIs);
  }

  fill(values: TemplateValues): string {
    return this._parts.map((part) => filled(part, values, this._quote)).join('');
  }
}

/** Shell text for a word, with its replacement strings left in place. */
function quotedWord(word: string, marker: string): string {
  if (word === '') return "''";
  let text = '';
  let end = 0;
  for (const match of word.matchAll(new RegExp(`${escaped(marker)}|${PLACEHOLDER.source}`, 'g'))) {
    if (partOf(match, marker) === undefined) continue;
    if (match.index > end) text += shellQuote(word.slice(end, match.index));
    text += match[0];
    end = match.index + match[0].length;
  }
  return end < word.length ? text + shellQuote(word.slice(end)) : text;
}

function filled(part: Part, { args, seq, slot }: TemplateValues, quote: (text: string) => string): string {
  if (part.kind === 'text') return part.text;
  if (part.kind !== 'argument') return String(part.kind === 'seq' ? seq : slot);
  const change = MODIFIED[part.modifier];
  if (part.position === 0) return args.map((arg) => quote(change(arg))).join(' ');
  const arg = args[part.position > 0 ? part.position - 1 : args.length + part.position];
  return arg === undefined ? '' : quote(change(arg));
}
