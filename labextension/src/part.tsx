import React from 'react';

import type { IState } from './model';
import type { OpenNotebook } from './notebook';
import { Words } from './words';

/** What a person may do in the sidebar. */
export interface IActions {
  readonly notebook: OpenNotebook;
  readonly refresh: () => void;
  readonly stop: (endpoint: string) => void;
  readonly insertCell: () => void;
  /** Open a notebook, relative to the server's root, and show its cell. */
  readonly showCell: (path: string, cell: string) => void;
}

/** What each part of the panel is given. */
export interface IPartProps {
  readonly state: IState;
  readonly actions: IActions;
}

/** A quiet place for what is on its way. */
export function Waiting(): React.JSX.Element {
  return <p className="jp-asksage-quiet">Reading …</p>;
}

interface ILineProps {
  readonly name: string;
  readonly words: string | undefined;
  readonly title?: string | undefined;
  readonly isQuiet?: boolean;
}

/** A line of its own; nothing where there is nothing to tell. */
export function Line({ name, words, title, isQuiet }: ILineProps): React.JSX.Element | null {
  return words ? (
    <p className={isQuiet ? 'jp-asksage-quiet' : undefined} data-asksage={name} title={title}>
      <Words>{words}</Words>
    </p>
  ) : null;
}
