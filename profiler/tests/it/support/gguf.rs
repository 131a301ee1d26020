//! A GGUF file in parts that a test can change.

/// GGUF's numbers of its value types.
pub(crate) const U32: u32 = 4;
pub(crate) const F32: u32 = 6;
pub(crate) const BOOL: u32 = 7;
pub(crate) const TEXT: u32 = 8;
pub(crate) const ARRAY: u32 = 9;
pub(crate) const F64: u32 = 12;

#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) kind: u32,
    pub(crate) value: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) offset: u64,
}

/// A file in parts.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) data: Vec<u8>,
}

pub(crate) struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    pub(crate) fn text(&mut self) -> String {
        let length = self.u64() as usize;
        String::from_utf8(self.take(length)).unwrap()
    }

    pub(crate) fn value(&mut self, kind: u32) -> Vec<u8> {
        match kind {
            0 | 1 | BOOL => self.take(1),
            2 | 3 => self.take(2),
            TEXT => of_text(&self.text()),
            ARRAY => {
                let (inner, count) = (self.u32(), self.u64());
                let mut value = [&inner.to_le_bytes()[..], &count.to_le_bytes()].concat();
                (0..count).for_each(|_| value.extend(self.value(inner)));
                value
            }
            10.. => self.take(8),
            _ => self.take(4),
        }
    }
}

pub(crate) fn of_text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

impl Parts {
    pub(crate) fn of(whole: &[u8]) -> Self {
        let mut bytes = Bytes(&whole[8..]);
        let (tensors, pairs) = (bytes.u64(), bytes.u64());
        let pairs = (0..pairs)
            .map(|_| {
                let (key, kind) = (bytes.text(), bytes.u32());
                let value = bytes.value(kind);
                Pair { key, kind, value }
            })
            .collect();
        let tensors = (0..tensors)
            .map(|_| {
                let name = bytes.text();
                let dimensions = bytes.u32();
                Tensor {
                    name,
                    shape: (0..dimensions).map(|_| bytes.u64()).collect(),
                    kind: bytes.u32(),
                    offset: bytes.u64(),
                }
            })
            .collect();
        let padding = (whole.len() - bytes.0.len()).next_multiple_of(32) - (whole.len() - bytes.0.len());
        Parts {
            pairs,
            tensors,
            data: bytes.0[padding..].to_vec(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.pairs.len() as u64).to_le_bytes());
        for Pair { key, kind, value } in &self.pairs {
            bytes.extend(of_text(key));
            bytes.extend(kind.to_le_bytes());
            bytes.extend(value);
        }
        for tensor in &self.tensors {
            bytes.extend(of_text(&tensor.name));
            bytes.extend((tensor.shape.len() as u32).to_le_bytes());
            tensor.shape.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
            bytes.extend(tensor.kind.to_le_bytes());
            bytes.extend(tensor.offset.to_le_bytes());
        }
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend(&self.data);
        bytes
    }

    pub(crate) fn set(&mut self, key: &str, kind: u32, value: Vec<u8>) {
        match self.pairs.iter_mut().find(|pair| pair.key == key) {
            Some(pair) => (pair.kind, pair.value) = (kind, value),
            None => self.pairs.push(Pair {
                key: key.into(),
                kind,
                value,
            }),
        }
    }
}
