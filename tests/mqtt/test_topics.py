"""Topics for subjects, and what subjects are about."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.mqtt.topics import DeviceKey, SubjectKind, Topics

TOPICS = Topics("netd/lab")


class TopicsTests(SynchronousTestCase):
    def test_routes(self) -> None:
        """Each subject has a topic; samples, presence and what a device says are told apart, and their device is known."""
        agent, device, program = (
            DeviceKey("session", "main", "oven"),
            DeviceKey("relay", "lab", "fan"),
            DeviceKey("wire", "main", "p"),
        )
        for subject, kind, is_value, key, channel in (
            ("session.main.oven.temp", SubjectKind.SAMPLE, True, agent, "temp"),
            ("session.main.oven", SubjectKind.STATE, True, agent, ""),
            ("session.main.oven.a.b", SubjectKind.OTHER, True, None, ""),
            ("relay.lab.presence.fan", SubjectKind.PRESENCE, True, device, ""),
            ("relay.lab.said.fan", SubjectKind.SAID, False, device, ""),
            ("relay.lab.outcome.fan", SubjectKind.OTHER, False, None, ""),
            ("relay.lab.refused", SubjectKind.OTHER, False, None, ""),
            ("wire.main.sample.p.flow", SubjectKind.SAMPLE, True, program, "flow"),
            ("wire.main.presence.p", SubjectKind.PRESENCE, True, program, ""),
            ("wire.main.other.p", SubjectKind.OTHER, True, None, ""),
            ("custom.door", SubjectKind.OTHER, True, None, ""),
            ("audit.main.relay.send", SubjectKind.OTHER, False, None, ""),
        ):
            route = TOPICS.route(subject)
            found = (route.kind, route.is_value, route.device, route.channel)
            self.assertEqual(found, (kind, is_value, key, channel), subject)
            self.assertEqual(route.topic, "netd/lab/" + subject.replace(".", "/"))

    def test_keys(self) -> None:
        """A key outlives a restart as one text; another text is none."""
        for key in (DeviceKey("relay", "main@north", "fan"), DeviceKey("session", "main", "oven")):
            self.assertEqual(DeviceKey.read(key.text), key)
        self.assertIsNone(DeviceKey.read("relay.main"))
        self.assertEqual(TOPICS.of_device(DeviceKey("relay", "main", "fan"), "send"), "netd/lab/relay/main/fan/send")
        self.assertEqual(DeviceKey("session", "main", "oven").presence_subject, "session.main.oven")
        self.assertEqual(DeviceKey("wire", "main", "p").presence_subject, "wire.main.presence.p")
