import { expect } from 'chai';
import { ConfigError } from '@troupe/abi';
import { parseCount, parseDenied, parseEnv, parseSizeBytes, parseUser, parseVolume } from 'troupe/values.js';

describe('option values', () => {
  it('sizes', () => {
    expect(parseSizeBytes('65536', '--memory')).to.equal(65536);
    expect(parseSizeBytes('512M', '--memory')).to.equal(512 * 2 ** 20);
    expect(parseSizeBytes('2g', '--memory')).to.equal(2 ** 31);
    expect(() => parseSizeBytes('lots', '--memory')).to.throw(ConfigError, '--memory');
  });

  it('counts', () => {
    expect(parseCount('3', '--cores', 64)).to.equal(3);
    for (const bad of ['0', '65', '1.5', 'x']) expect(() => parseCount(bad, '--cores', 64)).to.throw(ConfigError, '--cores');
  });

  it('volumes', () => {
    expect(parseVolume('/a:/b:ro')).to.deep.equal({ hostPath: '/a', guestPath: '/b', readOnly: true });
    expect(parseVolume('rel:/b').readOnly).to.equal(false);
    for (const bad of ['/a', '/a:b', '/a:/b:rx', '/a:/b:ro:x']) expect(() => parseVolume(bad)).to.throw(ConfigError, '--volume');
  });

  it('denied calls', () => {
    expect(parseDenied('connect,ptrace=EACCES,%net')).to.deep.equal([{ name: 'connect', errno: 'EPERM' }, { name: 'ptrace', errno: 'EACCES' }, { name: '%net', errno: 'EPERM' }]);
    for (const text of ['', 'connect,', 'connect=ENOWAY', 'connect=EPERM=1', '=EPERM']) expect(() => parseDenied(text)).to.throw(ConfigError, '--deny');
  });

  it('environment and users', () => {
    expect(parseEnv('A=b=c', {})).to.equal('A=b=c');
    expect(parseEnv('A', { A: 'host' })).to.equal('A=host');
    expect(parseEnv('A', {})).to.equal(undefined);
    expect(() => parseEnv('=x', {})).to.throw(ConfigError, '--env');
    expect(parseUser('1000')).to.deep.equal({ uid: 1000, gid: 1000 });
    expect(parseUser('1000:5')).to.deep.equal({ uid: 1000, gid: 5 });
    expect(() => parseUser('root')).to.throw(ConfigError, '--user');
  });
});
