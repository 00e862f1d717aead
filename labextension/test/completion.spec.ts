import { candidates } from '../src/prompt/completion';
import type { IOption } from '../src/prompt/line';

const option = (name: string, takes = false, values: string[] = []): IOption => ({
  name,
  takes,
  values,
  help: `What ${name} does`
});
const OPTIONS = [
  option('--estimate'),
  option('--format', true, ['json', 'text']),
  option('-f', true, ['json', 'text']),
  option('-s', true),
  option('--compare', true),
  option('--else', true)
];
const grammar = {
  options: () => OPTIONS,
  models: ['gpt-5', 'haiku'],
  cost: (model: string) => (model === 'haiku' ? 'cheap' : '')
};

it.each([
  ['%%asksage ', ['gpt-5', 'haiku']],
  ['%%asksage g', ['gpt-5']],
  ['%%asksage gpt-5 --f', ['--format']],
  ['%%asksage -f ', ['json', 'text']],
  ['%%asksage --format=j', ['--format=json']],
  ['%%asksage --estimate ', ['gpt-5', 'haiku']],
  ['%%asksage -s ', []],
  ['%%asksage --compare gpt-5,h', ['gpt-5,haiku']],
  ['%%asksage --compare=g', ['--compare=gpt-5']],
  ['%%asksage --else h', ['haiku']],
  ['%%asksage_train ', []],
  ['%%asksage_train m --es', ['--estimate']],
  ['a = 1', []]
])('offers after %j what the magic takes', (before, labels) => {
  expect(candidates(before, grammar).map(({ label }) => label)).toEqual(labels);
});

it.each(['%%asksage h', '%%asksage --compare gpt-5,h', '%%asksage --else h'])(
  'tells after %j what a model costs',
  before => {
    expect(candidates(before, grammar)[0]?.documentation).toBe('cheap');
  }
);

it('tells what an option does', () => {
  expect(candidates('%%asksage --est', grammar)[0]?.documentation).toBe('What --estimate does');
});
