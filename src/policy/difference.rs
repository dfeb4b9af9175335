//! Where two versions of a policy differ, by the keys of `policy.toml`.

use super::{Controller, Cookies, Field, Log, Policy, Redact};

impl Policy {
    /// The keys whose values differ, the version's own apart: `log.access.retention`, `cookies.allow PHPSESSID`.
    pub fn differences(&self, other: &Policy) -> Vec<String> {
        // Taken apart without `..`, here and below: a new part of a policy does not compile until it is compared.
        let Policy {
            version: _,
            effective,
            controller,
            access,
            cookies,
            smallest_group,
            correspondence,
            disclosure,
        } = self;
        let mut keys = Keys::default();
        keys.add("effective", *effective != other.effective);
        keys.controller(controller, &other.controller);
        keys.access(access, &other.access);
        keys.cookies(cookies, &other.cookies);
        keys.add("statistics.smallest_group", *smallest_group != other.smallest_group);
        keys.add("correspondence", *correspondence != other.correspondence);
        keys.add("disclosure", *disclosure != other.disclosure);
        keys.0
    }
}

#[derive(Default)]
struct Keys(Vec<String>);

impl Keys {
    fn add(&mut self, key: &str, differs: bool) {
        if differs {
            self.0.push(key.to_owned());
        }
    }

    fn controller(&mut self, one: &Controller, other: &Controller) {
        let Controller { name, address, contact } = one;
        self.add("controller.name", *name != other.name);
        self.add("controller.address", *address != other.address);
        self.add("controller.contact", *contact != other.contact);
    }

    fn access(&mut self, one: &Log, other: &Log) {
        let Log {
            purpose,
            retention,
            fields,
            redact,
        } = one;
        self.add("log.access.purpose", *purpose != other.purpose);
        self.add("log.access.retention", *retention != other.retention);
        for field in Field::ALL {
            self.add(
                &format!("log.access.fields.{}", field.key()),
                field.of(fields) != field.of(&other.fields),
            );
        }
        let Redact {
            query_values,
            emails,
            pesel,
            tokens,
            parameters,
        } = redact;
        self.add(
            "log.access.redact.query_values",
            *query_values != other.redact.query_values,
        );
        self.add("log.access.redact.emails", *emails != other.redact.emails);
        self.add("log.access.redact.pesel", *pesel != other.redact.pesel);
        self.add("log.access.redact.tokens", *tokens != other.redact.tokens);
        self.add("log.access.redact.parameters", *parameters != other.redact.parameters);
    }

    fn cookies(&mut self, one: &Cookies, other: &Cookies) {
        let Cookies {
            mode,
            unlisted,
            expire_unlisted,
            allowed,
        } = one;
        self.add("cookies.mode", *mode != other.mode);
        self.add("cookies.unlisted", *unlisted != other.unlisted);
        self.add("cookies.expire_unlisted", *expire_unlisted != other.expire_unlisted);
        // Their order means nothing.
        let before = self.0.len();
        let lists = [(allowed, &other.allowed), (&other.allowed, allowed)];
        for (cookie, there) in lists
            .iter()
            .flat_map(|(here, there)| here.iter().map(move |cookie| (cookie, there)))
        {
            let key = format!("cookies.allow {}", cookie.name);
            if !there.contains(cookie) && !self.0[before..].contains(&key) {
                self.0.push(key);
            }
        }
    }
}
