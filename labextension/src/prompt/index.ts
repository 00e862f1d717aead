/** Prompt cells: a plugin of its own, which a person can switch off, and which no failure of the sidebar reaches. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IEditorExtensionRegistry, IEditorLanguageRegistry } from '@jupyterlab/codemirror';

import { promptEditor } from './editor';
import { promptLanguage } from './language';

/** Markdown as JupyterLab's Markdown cells have it. */
const MARKDOWN = 'text/x-ipythongfm';

export const prompts: JupyterFrontEndPlugin<void> = {
  id: '@asksage/jupyter:prompt',
  description: 'Prompt cells for Ask Sage: a prompt looks like a prompt.',
  autoStart: true,
  requires: [IEditorExtensionRegistry, IEditorLanguageRegistry],
  activate(_, editors: IEditorExtensionRegistry, languages: IEditorLanguageRegistry) {
    const markdown = languages
      .getLanguage(MARKDOWN)
      .then(found => found?.support?.language.parser ?? null);
    const extension = promptEditor(promptLanguage(markdown), () => null);
    editors.addExtension({
      name: prompts.id,
      factory: ({ model }) =>
        isCodeCell(model) ? { instance: () => extension, reconfigure: () => null } : null
    });
  }
};

/** The editor's model is the cell's, which says what kind of cell it is; a file's has no kind. */
function isCodeCell(model: object): boolean {
  return (model as { type?: unknown }).type === 'code';
}
