import { parted } from '../src/unbroken';

const names = (words: string) => parted(words).filter((_, n) => n % 2);

it('finds what a hyphen would break', () => {
  const words =
    'Over --max-tokens 5: local-smollm2-135m, aws-nova-lite-v1:0 or -f. Since 2026-11-30.';
  expect(names(words)).toEqual([
    '--max-tokens',
    'local-smollm2-135m',
    'aws-nova-lite-v1:0',
    '-f',
    '2026-11-30'
  ]);
  expect(parted(words).join('')).toBe(words);
});

it('leaves what is longer than a line, and what is no name', () => {
  expect(names(`${'a-'.repeat(40)}b`)).toEqual([]);
  expect(names('up - or down 3–5 …')).toEqual([]);
});
