import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import classes from "./dock.module.css";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const NAMES: Record<string, string> = { "*": "star", "#": "hash" };
const SHOWN = 20;

/**
 * Twelve keys, on screen and on the keyboard; each press is sent at once and shown. Digits stay Latin: they are what is
 * printed on telephones. A `quiet` one only has buttons: a field beside it takes the keyboard and shows what was pressed.
 */
export function Keypad({ onKey, quiet }: { onKey: (digit: string) => void; quiet?: boolean }) {
  const [pressed, setPressed] = useState("");
  const press = (digit: string) => {
    setPressed((before) => (before + digit).slice(-SHOWN));
    onKey(digit);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `press` differs at each drawing and does the same
  useEffect(() => {
    if (quiet) return;
    const onKeyDown = (event: KeyboardEvent) => {
      const digit = digitOf(event.key);
      const typing = event.target instanceof Element && event.target.closest("input, textarea");
      if (!digit || typing || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      press(digit);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
  return (
    <>
      {!quiet && (
        <output className={classes.pressed} dir="ltr" data-testid="keypad-pressed">
          {pressed}
        </output>
      )}
      <div className={classes.keypad} data-testid="keypad">
        {KEYS.map((digit) => (
          <Button
            key={digit}
            variant="default"
            size="md"
            px={0}
            onClick={() => press(digit)}
            data-testid={`keypad-${NAMES[digit] ?? digit}`}
          >
            {digit}
          </Button>
        ))}
      </div>
    </>
  );
}

/** What a key of a Latin, Persian or Arabic keyboard stands for on a telephone. */
function digitOf(key: string): string | undefined {
  const local = /^[\u0660-\u0669\u06f0-\u06f9]$/.test(key) ? String(key.charCodeAt(0) & 15) : key;
  return KEYS.includes(local) ? local : undefined;
}
