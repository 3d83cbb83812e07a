/** Forms that complain in the chosen language: the browser's own bubbles speak the browser's. */
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import { formatNumber } from "../format/numbers.ts";
import { useLanguage, useText } from "../i18n/index.ts";
import { type Asked, wrongWith } from "./wrongWith.ts";

interface Complaints {
  /** Complaints are shown once somebody has tried to send the form. */
  tried: boolean;
  tell: (id: string, wrong: boolean) => void;
}

const Context = createContext<Complaints | undefined>(undefined);

/** Sends only what its fields (`ui/fields.tsx`) have nothing against; otherwise the first wrong one gets the focus. */
export function Form(props: { onSubmit: () => void; className?: string | undefined; children: ReactNode }) {
  const [tried, setTried] = useState(false);
  const wrong = useRef(new Set<string>());
  const complaints = useMemo(
    () => ({
      tried,
      tell: (id: string, isWrong: boolean) =>
        void (isWrong ? wrong.current.add(id) : wrong.current.delete(id)),
    }),
    [tried],
  );
  return (
    <Context value={complaints}>
      <form
        noValidate
        className={props.className}
        onSubmit={(event) => {
          event.preventDefault();
          const first = [...event.currentTarget.elements].find(({ id }) => wrong.current.has(id));
          setTried(first !== undefined);
          if (first instanceof HTMLElement) first.focus();
          else props.onSubmit();
        }}
      >
        {props.children}
      </form>
    </Context>
  );
}

/** The id and the complaint of a field inside a form; what the server said of it comes first. */
export function useComplaint(asked: Asked & { id?: string; error?: ReactNode }) {
  const t = useText();
  const language = useLanguage();
  const own = useId();
  const id = asked.id ?? own;
  const complaints = useContext(Context);
  const key = wrongWith(asked);
  const wrong = key !== undefined;
  useEffect(() => {
    complaints?.tell(id, wrong);
    return () => complaints?.tell(id, false);
  }, [complaints, id, wrong]);
  const text =
    key && complaints?.tried ? t(key, { count: formatNumber(asked.minLength ?? 0, language) }) : undefined;
  return { id, error: asked.error ?? text };
}
