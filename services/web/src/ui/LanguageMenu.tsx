import { Button, Menu, VisuallyHidden } from "@mantine/core";
import { IconCheck, IconLanguage } from "@tabler/icons-react";
import { activateLanguage, LANGUAGE_NAMES, LANGUAGES, useLanguage, useText } from "../i18n/index.ts";
import classes from "./ui.module.css";

/** Picks the language of the page on this device. */
export function LanguageMenu({ compact }: { compact?: boolean }) {
  const t = useText();
  const current = useLanguage();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          size="sm"
          px={compact ? 8 : undefined}
          style={{ flex: "none" }}
          leftSection={<IconLanguage size={18} aria-hidden />}
          data-testid="language-menu"
        >
          <VisuallyHidden>
            {t("common.language")}
            {compact ? `: ${LANGUAGE_NAMES[current]} ` : ": "}
          </VisuallyHidden>
          <span className={classes.roomy}>{compact ? current.toUpperCase() : LANGUAGE_NAMES[current]}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {LANGUAGES.map((language) => (
          <Menu.Item
            key={language}
            lang={language}
            data-testid={`language-${language}`}
            rightSection={language === current ? <IconCheck size={16} aria-hidden /> : undefined}
            onClick={() => void activateLanguage(language, true)}
          >
            {LANGUAGE_NAMES[language]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
