// Tests do not depend on what earlier runs have left: translated code is kept only where a test asks for it.
process.env['TROUPE_CODE_CACHE'] ??= 'off';
