import { expect } from 'chai';
import { Cc, Iflag, Lflag, Oflag, Sig, defaultTermios, type Termios } from '@troupe/abi';
import { LineDiscipline, type LineHost } from '@troupe/vfs';

class Screen implements LineHost {
  text = '';
  readonly signals: number[] = [];
  readonly flow: boolean[] = [];
  readonly discipline: LineDiscipline;

  constructor(change: (termios: Termios) => void = () => undefined) {
    const termios = defaultTermios();
    change(termios);
    this.discipline = new LineDiscipline(termios, this);
  }

  emit(bytes: readonly number[]): void {
    this.text += Buffer.from(bytes).toString('latin1');
  }

  signal(signo: number): void {
    this.signals.push(signo);
  }

  inputReady(): void {}

  flushOutput(): void {}

  flowChanged(isStopped: boolean): void {
    this.flow.push(isStopped);
  }

  type(text: string): this {
    this.discipline.receive(Buffer.from(text, 'latin1'));
    return this;
  }

  line(max = 100): string {
    const dst = new Uint8Array(max);
    const { input, isCanonical } = this.discipline;
    const count = isCanonical ? input.takeLine(dst) : input.take(dst);
    return Buffer.from(dst.subarray(0, count)).toString('latin1');
  }

  echo(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

describe('LineDiscipline', () => {
  it('hands out one line at a time and echoes with a carriage return', () => {
    const screen = new Screen().type('one\ntwo\rthr');
    expect(screen.echo()).to.equal('one\r\ntwo\r\nthr');
    expect(screen.line()).to.equal('one\n');
    expect(screen.line()).to.equal('two\n');
    expect(screen.discipline.input.hasLine).to.equal(false);
  });

  it('erases characters, words and lines on the display too', () => {
    expect(new Screen().type('ab\x7f').echo()).to.equal('ab\b \b');
    expect(new Screen().type('\x01\x7f').echo()).to.equal('^A\b \b\b \b');
    expect(new Screen().type('a\tb\x7f\x7f').echo()).to.equal(`a\tb\b \b${'\b'.repeat(7)}`);
    expect(new Screen().type('one two  \x17\n').line()).to.equal('one \n');
    expect(new Screen().type('gone\x15kept\n').line()).to.equal('kept\n');
  });

  it('erases whole UTF-8 characters', () => {
    const screen = new Screen((termios) => (termios.iflag |= Iflag.IUTF8));
    expect(screen.type('a\xc3\xa9\x7fb\n').line()).to.equal('ab\n');
    expect(screen.echo()).to.equal('a\xc3\xa9\b \bb\r\n');
  });

  it('ends a read at the end-of-file character without handing it out', () => {
    const screen = new Screen().type('part\x04\x04');
    expect(screen.line()).to.equal('part');
    expect(screen.line()).to.equal('');
    screen.type('abc\x04');
    expect(screen.line(3)).to.equal('abc');
    expect(screen.discipline.input.hasLine).to.equal(false);
  });

  it('takes the byte after VLNEXT as it is', () => {
    expect(new Screen().type('\x16\x03x\n').line()).to.equal('\x03x\n');
  });

  it('turns ISIG characters into signals and drops what was typed', () => {
    const screen = new Screen().type('abc\x03\x1c\x1adef\n');
    expect(screen.signals).to.deep.equal([Sig.INT, Sig.QUIT, Sig.TSTP]);
    expect(screen.line()).to.equal('def\n');
    expect(screen.echo(), 'echo not shown yet is dropped too').to.equal('^C^\\^Zdef\r\n');
  });

  it('stops and starts output with XOFF and XON', () => {
    expect(new Screen().type('\x13\x11').flow).to.deep.equal([true, false]);
  });

  it('makes a half-typed line readable when canonical mode ends, and back', () => {
    const screen = new Screen().type('half');
    const raw = { ...screen.discipline.termios, lflag: 0 };
    screen.discipline.setTermios(raw);
    expect(screen.line()).to.equal('half');
    screen.type('x\x03');
    screen.discipline.setTermios({ ...raw, lflag: Lflag.ICANON });
    expect(screen.line()).to.equal('x\x03');
  });

  it('expands tabs by column and maps output characters', () => {
    const screen = new Screen((termios) => (termios.oflag |= Oflag.XTABS));
    const out = (text: string): string => Buffer.from(screen.discipline.process(Buffer.from(text))).toString('latin1');
    expect(out('ab\tc\n')).to.equal('ab      c\r\n');
    expect(out('\tx')).to.equal('        x');
  });

  it('treats a disabled control character as data', () => {
    const screen = new Screen((termios) => (termios.cc[Cc.VINTR] = 0));
    expect(screen.type('\x00\x03\n').line()).to.equal('\x00\x03\n');
    expect(screen.signals).to.deep.equal([]);
  });
});
