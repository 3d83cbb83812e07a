import { Button } from "@mantine/core";
import classes from "./dock.module.css";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const NAMES: Record<string, string> = { "*": "star", "#": "hash" };

/** Twelve keys; each press is sent at once. Digits stay Latin: they are what is printed on telephones. */
export function Keypad({ onKey }: { onKey: (digit: string) => void }) {
  return (
    <div className={classes.keypad} data-testid="keypad">
      {KEYS.map((digit) => (
        <Button
          key={digit}
          variant="default"
          size="md"
          px={0}
          onClick={() => onKey(digit)}
          data-testid={`keypad-${NAMES[digit] ?? digit}`}
        >
          {digit}
        </Button>
      ))}
    </div>
  );
}
