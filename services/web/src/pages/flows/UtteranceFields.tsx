import { Select, Stack, Text, Textarea } from "@mantine/core";
import { optionsOf } from "../../api/names.ts";
import type { Utterance } from "../../api/types.ts";
import { LANGUAGE_NAMES, LANGUAGES, useText } from "../../i18n/index.ts";
import { directionOf } from "../../i18n/languages.ts";
import { usePrompts } from "./useFlow.ts";

interface Props {
  label: string;
  value: Utterance | undefined;
  onChange: (value: Utterance) => void;
}

/** What is said: a text per language for text-to-speech, or an uploaded prompt instead. */
export function UtteranceFields({ label, value, onChange }: Props) {
  const t = useText();
  const prompts = usePrompts().data ?? [];
  const text = value?.text ?? {};
  return (
    <Stack gap={8} role="group" aria-label={label}>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      {prompts.length > 0 && (
        <Select
          aria-label={t("flows.prompt")}
          placeholder={t("flows.spoken")}
          clearable
          data={optionsOf(prompts, "promptId")}
          value={value?.promptId || null}
          onChange={(promptId) => onChange({ ...value, text, promptId: promptId ?? "" })}
        />
      )}
      {!value?.promptId &&
        LANGUAGES.map((language) => (
          <Textarea
            key={language}
            label={LANGUAGE_NAMES[language]}
            dir={directionOf(language)}
            lang={language}
            autosize
            minRows={1}
            maxLength={1000}
            value={text[language] ?? ""}
            onChange={(event) =>
              onChange({ ...value, text: { ...text, [language]: event.currentTarget.value } })
            }
          />
        ))}
      <Text size="xs" c="dimmed">
        {t("flows.placeholders")}
      </Text>
    </Stack>
  );
}
