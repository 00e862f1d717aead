/**
 * The open notebook, known by what it can do.
 *
 * `@jupyterlab/notebook` is not imported: it would bring every editor and renderer along for its types alone.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Kernel } from '@jupyterlab/services';
import { type ISignal, Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import { type ISharedNotebook, keepOne } from './generated';

export const LOAD = '%load_ext asksage_jupyter';
/** With a model that any tenant has, where none is set. */
export const BEGIN = `${LOAD}\nimport asksage_jupyter as sage\n\nsage.choose_model()`;
export const PROMPT = '%%asksage\n';

interface ICellModel {
  readonly id: string;
  readonly type: string;
  readonly sharedModel: { getSource(): string; setSource(source: string): void };
}

interface ICell {
  readonly model: ICellModel;
  readonly ready?: Promise<void>;
  readonly editor?: {
    setCursorPosition(position: { line: number; column: number }): void;
  } | null;
}

interface INotebookWidget extends Widget {
  readonly context: {
    readonly path: string;
    readonly localPath?: string;
    readonly ready?: Promise<void>;
    readonly sessionContext?: {
      readonly session: { readonly kernel: Kernel.IKernelConnection | null } | null;
      readonly kernelChanged: ISignal<unknown, unknown>;
    };
  };
  readonly content: Widget & {
    activeCellIndex: number;
    mode: 'command' | 'edit';
    readonly widgets: readonly ICell[];
    readonly model: {
      readonly cells: { readonly changed: ISignal<unknown, unknown> };
      readonly sharedModel: ISharedNotebook & {
        insertCell(index: number, cell: { cell_type: 'code'; source: string }): unknown;
      };
    } | null;
    deselectAll(): void;
    scrollToItem?(index: number, align?: string): Promise<void>;
  };
}

function isNotebook(widget: Widget | null): widget is INotebookWidget {
  const { content, context } = (widget ?? {}) as Partial<INotebookWidget>;
  return typeof context?.path === 'string' && typeof content?.activeCellIndex === 'number';
}

/** A cell as a person knows it. */
export interface ICellLabel {
  /** Its place in the notebook, from 1. */
  readonly place: number;
  /** Its first line that is not a magic's, else the magic's; it may be empty. */
  readonly text: string;
}

export class OpenNotebook {
  constructor(private readonly shell: JupyterFrontEnd.IShell) {
    shell.currentChanged?.connect(this.follow, this);
  }

  /** Emitted when another notebook is open or has another kernel, or cells came or went. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Look which notebook is open; needed once, for one that was open before. */
  follow(): void {
    this._changed.emit();
    const { widget } = this;
    widget?.context.sessionContext?.kernelChanged.connect(this.onKernel, this); // once, however often
    void widget?.context.ready?.then(() => {
      const { model } = widget.content;
      if (model) {
        model.cells.changed.connect(this.onCells, this);
        keepOne(model.sharedModel);
      }
      this.showWanted();
      this._changed.emit();
    });
  }

  /** Its path relative to the server's root; null where no notebook is open. */
  get path(): string | null {
    const { context } = this.widget ?? {};
    return context ? (context.localPath ?? context.path) : null;
  }

  /** What runs its cells; null where nothing does. */
  get kernel(): Kernel.IKernelConnection | null {
    return this.widget?.context.sessionContext?.session?.kernel ?? null;
  }

  /** The cell of an id; null when it is not in the notebook any more. */
  label(id: string): ICellLabel | null {
    const index = this.indexOf(id);
    const source = this.widget?.content.widgets[index]?.model.sharedModel.getSource();
    return source === undefined ? null : { place: index + 1, text: firstWords(source) };
  }

  /** Show a cell and make it the active one; false when it is not in the notebook any more. */
  show(id: string): boolean {
    const index = this.indexOf(id);
    if (index >= 0) {
      void this.activate(index);
    }
    return index >= 0;
  }

  /** Show a cell as soon as its notebook is open and read. */
  showWhenOpen(path: string, id: string): void {
    this.wanted = { path, id };
    this.showWanted();
  }

  /** Put code below the active cell, or into it when it is empty, ready to be edited; false without a notebook. */
  insert(...sources: string[]): boolean {
    const { content } = this.widget ?? {};
    const cells = content?.model?.sharedModel;
    if (!content || !cells) {
      return false;
    }
    const active = content.widgets[content.activeCellIndex]?.model;
    const [first, ...others] = sources;
    let index = content.activeCellIndex;
    if (first !== undefined && active?.type === 'code' && !active.sharedModel.getSource().trim()) {
      active.sharedModel.setSource(first);
    } else {
      others.unshift(...(first === undefined ? [] : [first]));
    }
    for (const source of others) {
      cells.insertCell(++index, { cell_type: 'code', source });
    }
    void this.activate(index).then(() => edit(content, index));
    return true;
  }

  /** Whether a line of code is somewhere in the notebook. */
  contains(line: string): boolean {
    return !!this.widget?.content.widgets.some(({ model }) =>
      model.sharedModel.getSource().split('\n').includes(line)
    );
  }

  private onCells(): void {
    this.showWanted();
    this._changed.emit();
  }

  private onKernel(): void {
    this._changed.emit();
  }

  private showWanted(): void {
    const { wanted, path, widget } = this;
    if (wanted && path === wanted.path && widget?.content.widgets.length) {
      this.wanted = null;
      this.show(wanted.id);
    }
  }

  private async activate(index: number): Promise<void> {
    const { widget } = this;
    if (!widget) {
      return;
    }
    this.shell.activateById(widget.id);
    widget.content.deselectAll();
    widget.content.activeCellIndex = index;
    await widget.content.scrollToItem?.(index, 'smart');
  }

  private indexOf(id: string): number {
    return this.widget?.content.widgets.findIndex(({ model }) => model.id === id) ?? -1;
  }

  private get widget(): INotebookWidget | null {
    const widget = this.shell.currentWidget;
    return isNotebook(widget) && !widget.isDisposed ? widget : null;
  }

  private wanted: { readonly path: string; readonly id: string } | null = null;
  private readonly _changed = new Signal<this, void>(this);
}

/** Put the cursor where a person goes on writing. */
async function edit(content: INotebookWidget['content'], index: number): Promise<void> {
  const cell = content.widgets[index];
  await cell?.ready; // without an editor the notebook would go back to command mode
  content.mode = 'edit';
  const lines = cell?.model.sharedModel.getSource().split('\n') ?? [];
  cell?.editor?.setCursorPosition({ line: lines.length - 1, column: lines.at(-1)?.length ?? 0 });
}

function firstWords(source: string): string {
  const lines = source.split('\n').flatMap(line => line.trim() || []);
  return lines.find(line => !line.startsWith('%')) ?? lines[0] ?? '';
}
