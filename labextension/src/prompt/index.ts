/** Prompt cells: a plugin of its own, which a person can switch off, and which no failure of the sidebar reaches. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IEditorExtensionRegistry, IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { ICompletionProviderManager } from '@jupyterlab/completer';

import { footings, placeOf } from '../kernel';
import { IAskSage } from '../token';
import { Desk } from '../wire';
import { LineCompletion } from './completion';
import { promptEditor } from './editor';
import { Grammar } from './grammar';
import { promptLanguage } from './language';
import { type IOutputs, priceTag } from './tag';

/** Markdown as JupyterLab's Markdown cells have it. */
const MARKDOWN = 'text/x-ipythongfm';

export const prompts: JupyterFrontEndPlugin<void> = {
  id: '@asksage/jupyter:prompt',
  description: 'Prompt cells for Ask Sage: they look like prompts, and tell what they will cost.',
  autoStart: true,
  requires: [IEditorExtensionRegistry, IEditorLanguageRegistry],
  optional: [IAskSage, ICompletionProviderManager],
  activate
};

function activate(
  app: JupyterFrontEnd,
  editors: IEditorExtensionRegistry,
  languages: IEditorLanguageRegistry,
  meter: IAskSage | null,
  completion: ICompletionProviderManager | null
): void {
  const desk = new Desk(app.serviceManager.serverSettings);
  const grammar = new Grammar(desk);
  const markdown = languages
    .getLanguage(MARKDOWN)
    .then(found => found?.support?.language.parser ?? null);
  const prompt = promptEditor(promptLanguage(markdown), grammar);
  const parts = {
    desk,
    grammar,
    changed: meter?.changed ?? null,
    footings,
    place: (node: Node) => placeOf(app.shell, node)
  };
  meter?.changed.connect(() => void grammar.again());
  completion?.registerProvider(new LineCompletion(grammar));
  editors.addExtension({
    name: prompts.id,
    factory: ({ model }) => {
      const cell = model as Partial<ICellModel>;
      // A file's editor has a model that is no cell's.
      return cell.type === 'code'
        ? { instance: () => [prompt, priceTag(parts, cell.outputs)], reconfigure: () => null }
        : null;
    }
  });
}

/** What the model of a cell's editor is, beside being an editor's: the cell's own. */
interface ICellModel {
  readonly type: string;
  readonly outputs: IOutputs;
}
