// Many of JupyterLab's packages and of what they import are ES modules: they are compiled like our own.
const modules = [
  '@jupyter',
  '@jupyterlab',
  '@lumino',
  '@microsoft',
  '@rjsf',
  'exenv-es6',
  'lodash-es',
  'markdown-to-jsx',
  'nanoid'
];

module.exports = {
  testEnvironment: 'jsdom',
  moduleNameMapper: { '\\.css$': '<rootDir>/asset.js' },
  transform: {
    '\\.(t|j)sx?$': ['ts-jest', { tsconfig: 'tsconfig.jest.json', diagnostics: false }]
  },
  transformIgnorePatterns: [`/node_modules/(?!(${modules.join('|')})/)`]
};
