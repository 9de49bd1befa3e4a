// A mocha file that imports the one named by TROUPE_TEST: mocha requires its files, which loader hooks do not see.
await import(process.env.TROUPE_TEST);
