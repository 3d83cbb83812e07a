import { Button, Modal, Select, Slider, Stack, Switch, Text } from "@mantine/core";
import { IconVolume } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useText } from "../../i18n/index.ts";
import { Listening } from "../../media/listening.ts";
import {
  environmentProblem,
  type MicrophoneProblem,
  microphoneProblem,
  openMicrophone,
} from "../../media/microphone.ts";
import { changeSound, useSound } from "../../media/preferences.ts";
import { tryRing } from "../../media/ring.ts";
import { useStore } from "../../store.ts";
import { Note } from "../../ui/Note.tsx";
import uiClasses from "../../ui/ui.module.css";
import { leg, relays } from "../desktop.ts";

/** Before the first shift: is there a microphone, does it hear, does it ring, and on which devices. */
export default function SoundCheckDialog({ onClose }: { onClose: () => void }) {
  const t = useText();
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("sound.title")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Check onClose={onClose} />
    </Modal>
  );
}

function Check({ onClose }: { onClose: () => void }) {
  const t = useText();
  const sound = useSound();
  const [attempt, setAttempt] = useState(0);
  const { level, problem, devices } = useMicrophoneCheck(sound.microphoneId, sound.processing, attempt);
  const options = (kind: MediaDeviceKind) => [
    { value: "", label: t("sound.default") },
    ...devices
      .filter((device) => device.kind === kind && device.deviceId && device.deviceId !== "default")
      .map((device) => ({ value: device.deviceId, label: device.label || t("common.unknown") })),
  ];
  return (
    <Stack>
      {problem ? (
        <Note tone="bad" live title={t(`mic.${problem}.title`)} testId={`mic-${problem}`}>
          {t(`mic.${problem}.body`)}
          <div style={{ marginTop: 8 }}>
            <Button size="xs" variant="default" onClick={() => setAttempt(attempt + 1)}>
              {t("common.retry")}
            </Button>
          </div>
        </Note>
      ) : (
        <Note tone={level > 0.01 ? "good" : "info"} testId="mic-ok">
          {level > 0.01 ? t("sound.hears") : t("sound.speak")}
          <div className={uiClasses.level} style={{ inlineSize: "100%", marginTop: 8 }} aria-hidden>
            <div
              className={uiClasses.levelBar}
              style={{ inlineSize: `${Math.round(Math.min(1, Math.sqrt(level) * 1.5) * 100)}%` }}
            />
          </div>
        </Note>
      )}
      <Select
        label={t("sound.microphone")}
        data={options("audioinput")}
        value={sound.microphoneId}
        onChange={(value) => changeSound({ microphoneId: value ?? "" })}
        data-testid="sound-microphone"
      />
      <Select
        label={t("sound.speaker")}
        data={options("audiooutput")}
        value={sound.speakerId}
        onChange={(value) => changeSound({ speakerId: value ?? "" })}
      />
      <Select
        label={t("sound.ringDevice")}
        description={t("sound.ringDeviceHint")}
        data={options("audiooutput")}
        value={sound.ringId}
        onChange={(value) => changeSound({ ringId: value ?? "" })}
      />
      <div>
        <Text size="sm" fw={500} mb={6} id="ring-volume">
          {t("sound.ringVolume")}
        </Text>
        <Slider
          value={Math.round(sound.ringVolume * 100)}
          onChange={(value) => changeSound({ ringVolume: value / 100 })}
          label={null}
          thumbLabel={t("sound.ringVolume")}
        />
      </div>
      <Button
        variant="default"
        leftSection={<IconVolume size={18} aria-hidden />}
        onClick={() => {
          void tryRing();
          askForNotifications();
        }}
        data-testid="sound-try-ring"
      >
        {t("sound.tryRing")}
      </Button>
      <Way />
      <Button onClick={onClose}>{t("common.done")}</Button>
    </Stack>
  );
}

/** The way sound goes, for networks whose firewall spoils the straight one. */
function Way() {
  const t = useText();
  const { relayOnly } = useSound();
  const { figures } = useStore(leg.state);
  const relayed = figures?.relayed;
  return (
    <div>
      <Switch
        label={t("sound.relay")}
        description={t(relays.offered ? "sound.relayHint" : "sound.noRelay")}
        checked={relayOnly}
        disabled={!relays.offered && !relayOnly}
        onChange={(event) => changeSound({ relayOnly: event.currentTarget.checked })}
        data-testid="sound-relay"
      />
      <Text size="sm" c="dimmed" mt={6} data-testid="sound-way">
        {t(relayed === undefined ? "sound.wayUnknown" : relayed ? "sound.wayRelayed" : "sound.wayDirect")}
      </Text>
    </div>
  );
}

function askForNotifications(): void {
  if ("Notification" in window && Notification.permission === "default")
    void Notification.requestPermission();
}

/** Opens the chosen microphone while the check is on screen and measures what it hears. */
function useMicrophoneCheck(deviceId: string, processing: boolean, attempt: number) {
  const [level, setLevel] = useState(0);
  const [problem, setProblem] = useState<MicrophoneProblem | undefined>(environmentProblem);
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` asks again on purpose
  useEffect(() => {
    let stream: MediaStream | undefined;
    let ended = false;
    const listening = new Listening();
    const timer = setInterval(() => setLevel(listening.level()), 120);
    openMicrophone(deviceId, processing)
      .then(async (opened) => {
        if (ended) return stop(opened);
        stream = opened;
        setProblem(undefined);
        listening.listen(opened);
        setDevices(await navigator.mediaDevices.enumerateDevices());
      })
      .catch((error: unknown) => !ended && setProblem(microphoneProblem(error)));
    return () => {
      ended = true;
      clearInterval(timer);
      listening.close();
      if (stream) stop(stream);
    };
  }, [deviceId, processing, attempt]);
  return { level, problem, devices };
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
