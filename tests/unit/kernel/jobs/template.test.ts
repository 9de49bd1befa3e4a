import { expect } from 'chai';
import { ConfigError } from '@troupe/abi';
import { CommandTemplate, parseHalt, parseJobCount, parseTimeout, parseDurationMs } from '@troupe/kernel/jobs';

const values = (...args: string[]) => ({ args, seq: 7, slot: 2 });

describe('command templates', () => {
  it('replacement strings', () => {
    const of = (text: string, ...args: string[]): string => CommandTemplate.ofCommand([text]).fill(values(...args));
    expect(of('x {} {.} {/} {//} {/.} {#} {%}', 'a b/c.d')).to.equal("x 'a b/c.d' 'a b/c' c.d 'a b' c 7 2");
    expect(of('{2} {1.} {-1} {3}.', 'a.x', 'b')).to.equal('b a b .');
    expect(of('{} {x} ${y} {', 'a')).to.equal('a {x} ${y} {');
    expect(of('plain', 'a', 'b c')).to.equal("plain a 'b c'");
    expect(CommandTemplate.ofCommand([]).fill(values('a; b'))).to.equal('a; b');
    expect(CommandTemplate.ofText('{1}:{}').fill(values('a b', 'c'))).to.equal('a b:a b c');
  });

  it('refuses perl expressions', () => {
    expect(() => CommandTemplate.ofCommand(['echo', '{= s/a/b/ =}'])).to.throw(ConfigError, /perl/);
  });
});

describe('values of options', () => {
  it('--jobs', () => {
    expect(['3', '+2', '-1', '-9', '50%', '10%', '0'].map((text) => parseJobCount(text, 4))).to.deep.equal([3, 6, 3, 1, 2, 1, 1000]);
    for (const text of ['', 'x', '+5%', '1.5', '--1']) expect(() => parseJobCount(text, 4), text).to.throw(ConfigError);
  });

  it('--halt', () => {
    expect(parseHalt('2')).to.deep.equal({ when: 'now', why: 'fail', count: 1, isPercent: false });
    expect(parseHalt('soon')).to.deep.equal({ when: 'soon', why: 'fail', count: 1, isPercent: false });
    expect(parseHalt('soon,success=20%')).to.deep.equal({ when: 'soon', why: 'success', count: 20, isPercent: true });
    expect(parseHalt('30%')).to.deep.equal({ when: 'soon', why: 'fail', count: 30, isPercent: true });
    for (const text of ['', '3', 'later', 'now,fail', 'now,fail=0', 'soon,lost=1']) expect(() => parseHalt(text), text).to.throw(ConfigError);
  });

  it('times', () => {
    expect(['2.5', '.5s', '2m', '1h30m', '1d'].map((text) => parseDurationMs(text, '--delay'))).to.deep.equal([2500, 500, 120_000, 5_400_000, 86_400_000]);
    expect(parseTimeout('200%')).to.deep.equal({ kind: 'percent', percent: 200 });
    for (const text of ['', 's', '-1', '1x', '1..2']) expect(() => parseTimeout(text), text).to.throw(ConfigError);
  });
});
