//! Whatever the bytes are, a reader reads them or refuses them: it does not panic, does not hang, and takes no memory that the
//! file's length does not pay for.
//!
//! Inputs are good files after some edits. `HEADSTART_FUZZ=N` tries N of each format in place of a few hundred, `HEADSTART_FUZZ_SEED`
//! others. One that fails is named, and kept where it is told; it belongs into `tests/corpus/FORMAT/` then, which is read first.
//! `HEADSTART_CORPORA=FOLDER` reads all that is below a folder as each format, such as the files of apache/parquet-testing and
//! apache/arrow-testing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use common::Result;
use common::fingerprint::Fingerprint;
use common::frame::{Hello, PROTOCOL, Reply, ReplyReceiver, ReplySender};
use common::frame::{Request, RequestReceiver, RequestSender};
use common::manifest::Manifest;
use common::rng::{self, RngExt};
use common::shards::{Shard, Sharding, Task, Unit};
use common::tensors::{self, Tensor, Tensors};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};

use crate::support::footer;
use crate::support::formats::{Read, formats};

/// What a reader may take beyond the file: the budget that `common` states for a column whose size nothing tells.
const MOST_MEMORY: usize = 1 << 30;

/// A format: good files of it, and how the file at a path is read.
struct Target {
    name: String,
    seeds: Vec<Vec<u8>>,
    read: Read,
}

fn targets(folder: &Path) -> Vec<Target> {
    let mut all: Vec<Target> = formats(folder)
        .into_iter()
        .map(|(path, read)| parquet_target(&path, read))
        .collect();
    all.push(Target {
        name: "manifest".into(),
        seeds: vec![
            Manifest::new("policy", "test")
                .seed(u64::MAX)
                .input("log", Fingerprint::of_bytes(b"log"))
                .to_json()
                .into_bytes(),
        ],
        read: Box::new(|path| {
            let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
            Ok(Manifest::from_json(&text, path)?.to_json())
        }),
    });
    let tensors_file = folder.join("tensors");
    let tensors = [
        Tensor::new("weight", &[4, 8], &[0.5_f32; 32]),
        Tensor::row("codes", &[1_u32, 2, 3]),
        Tensor::row("counts", &[4_u64]),
    ];
    tensors::write(&tensors_file, &[("config", "{}".into())], tensors.to_vec()).unwrap();
    all.push(Target {
        name: "tensors".into(),
        seeds: vec![std::fs::read(&tensors_file).unwrap()],
        read: Box::new(|path| {
            let mut tensors = Tensors::open(path)?;
            let (weight, codes) = (
                tensors.numbers("weight", None)?,
                tensors.values::<u32>("codes", None)?,
            );
            Ok(format!(
                "{weight:?} {codes:?} {:?}",
                tensors.values::<u64>("counts", Some(1))?
            ))
        }),
    });
    all.push(Target {
        name: "requests".into(),
        seeds: vec![requests()],
        read: Box::new(|path| {
            let mut receiver = RequestReceiver::new(std::io::Cursor::new(std::fs::read(path).unwrap()))?;
            let mut read = format!("{:?}", receiver.hello());
            while let Some(request) = receiver.receive()? {
                read += &format!("{request:?}");
            }
            Ok(read)
        }),
    });
    all.push(Target {
        name: "replies".into(),
        seeds: vec![replies()],
        read: Box::new(|path| {
            let mut receiver = ReplyReceiver::new(std::io::Cursor::new(std::fs::read(path).unwrap()))?;
            let mut read = String::new();
            while let Some(reply) = receiver.receive()? {
                read += &format!("{reply:?}");
            }
            Ok(read)
        }),
    });
    let parts = folder.join("job.parts");
    let begin = |parts: PathBuf, task| {
        let sharding = Sharding {
            task,
            parts: Some(parts),
            trusted: true,
        };
        let units: Vec<Unit> = (0..5)
            .map(|unit| Unit::new(format!("unit {unit}"), unit))
            .collect();
        sharding.begin(Path::new("out"), &Manifest::new("states", "test"), &units)
    };
    begin(parts.clone(), Task::Shard(Shard { index: 0, count: 3 })).unwrap();
    all.push(Target {
        name: "plan of shards".into(),
        seeds: vec![std::fs::read(parts.join("plan.json")).unwrap()],
        read: Box::new(move |path| {
            std::fs::copy(path, parts.join("plan.json")).unwrap();
            begin(parts.clone(), Task::Merge { clean: false }).map(|step| format!("{step:?}"))
        }),
    });
    all
}

/// A Parquet format, as we write it and as others do: other encodings, nothing compressed, and no checksums before which edits
/// would end.
fn parquet_target(path: &Path, read: Read) -> Target {
    let metadata = footer(path)
        .file_metadata()
        .key_value_metadata()
        .cloned()
        .unwrap_or_default();
    let metadata: Vec<_> = metadata
        .into_iter()
        .filter(|pair| pair.key != "headstart.checksums")
        .collect();
    let open = || std::fs::File::open(path).unwrap();
    let mut seeds = vec![std::fs::read(path).unwrap()];
    for (version, dictionary) in [
        (WriterVersion::PARQUET_1_0, true),
        (WriterVersion::PARQUET_2_0, false),
    ] {
        let reader = ParquetRecordBatchReaderBuilder::try_new(open())
            .unwrap()
            .build()
            .unwrap();
        let properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_writer_version(version)
            .set_dictionary_enabled(dictionary)
            .set_max_row_group_row_count(Some(50))
            .set_data_page_row_count_limit(20)
            .set_write_batch_size(10)
            .set_key_value_metadata(Some(metadata.clone()))
            .build();
        let mut batches = reader.map(|batch| batch.unwrap()).peekable();
        let schema = batches.peek().unwrap().schema();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties)).unwrap();
        batches.for_each(|batch| writer.write(&batch).unwrap());
        writer.close().unwrap();
        seeds.push(bytes);
    }
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    Target { name, seeds, read }
}

fn requests() -> Vec<u8> {
    let hello = Hello {
        protocol: PROTOCOL,
        environment: "test".into(),
        items: Fingerprint::of_bytes(b"items"),
        seed: 7,
        horizon: 10,
        slate: 2,
    };
    let mut bytes = Vec::new();
    let mut sender = RequestSender::new(&mut bytes, &hello).unwrap();
    for step in 0..3 {
        let mut request = Request {
            env: vec![0, 1],
            step: vec![step; 2],
            reward: vec![Some(1.0), None],
            done: vec![false, step == 2],
            truncated: vec![false; 2],
            ..Request::default()
        };
        ["a", "user 17"]
            .iter()
            .for_each(|user| request.user_id.push(user));
        request.last_item.push("item");
        request.last_item.push_null();
        sender.send(&request).unwrap();
    }
    sender.finish().unwrap();
    bytes
}

fn replies() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sender = ReplySender::new(&mut bytes).unwrap();
    for version in 0..3 {
        let mut reply = Reply {
            env: vec![0, 1],
            propensity: vec![0.5, 1.0],
            policy_version: vec![version; 2],
            ..Reply::default()
        };
        reply.item.push(["a", "item 5"]);
        reply.item.push([]);
        sender.send(&reply).unwrap();
    }
    sender.finish().unwrap();
    bytes
}

/// Numbers at which sizes, offsets and counts go wrong.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    u64::MAX,
];

/// One of the seeds after one to four edits, drawn by `seed` and `number`.
fn edited(target: &Target, seed: u64, number: u64) -> Vec<u8> {
    let mut rng = rng::stream(seed, &target.name, &[number]);
    let any = rng.random_range(0..target.seeds.len());
    let mut bytes = target.seeds[any].clone();
    for _ in 0..rng.random_range(1..=4) {
        if bytes.is_empty() {
            break;
        }
        // What is at the end of a Parquet file, or at the start of others, leads to all the rest.
        let near = rng.random_range(0..bytes.len().min(1200));
        let at = match rng.random_range(0..3) {
            0 => near,
            1 => bytes.len() - 1 - near,
            _ => rng.random_range(0..bytes.len()),
        };
        let until = (at + rng.random_range(1..=64)).min(bytes.len());
        let edge = EDGES[rng.random_range(0..EDGES.len())].to_le_bytes();
        match rng.random_range(0..9) {
            0 | 1 => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => bytes[at] = rng.random(),
            3 => {
                let width = [1, 2, 4, 8][rng.random_range(0..4)].min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&edge[..width]);
            }
            // The longest varint that there is: sizes in Thrift are such.
            4 => {
                let varint = [0xff, 0xff, 0xff, 0xff, 0x0f];
                let width = varint.len().min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&varint[..width]);
            }
            5 => bytes.truncate(at),
            6 => drop(bytes.drain(at..until)),
            7 => {
                let copied = bytes[at..until].to_vec();
                let place = rng.random_range(0..=bytes.len());
                bytes.splice(place..place, copied);
            }
            _ => {
                let other = &target.seeds[rng.random_range(0..target.seeds.len())];
                let from = rng.random_range(0..other.len());
                let to = (from + (until - at)).min(other.len());
                bytes.splice(at..until, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

/// The most memory that this process had at once, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).unwrap();
    kilobytes.parse::<usize>().unwrap() << 10
}

/// Reads `bytes` as `target`; gives what is wrong with how that went.
fn fault(target: &Target, path: &Path, bytes: &[u8]) -> Option<String> {
    std::fs::write(path, bytes).unwrap();
    // From here on the process's peak counts anew.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let read = |path: &Path| -> Result<String> { (target.read)(path) };
    match catch_unwind(AssertUnwindSafe(|| read(path))) {
        Err(_) => return Some("it panics".into()),
        Ok(Err(error)) if error.to_string().is_empty() => return Some("its error says nothing".into()),
        Ok(_) => {}
    }
    let taken = peak().saturating_sub(before);
    (taken > bytes.len() + MOST_MEMORY).then(|| format!("it takes {taken} bytes of memory"))
}

fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

#[test]
fn whatever_the_bytes_are_they_are_read_or_refused() {
    let (count, seed) = (
        number_of("HEADSTART_FUZZ", 300),
        number_of("HEADSTART_FUZZ_SEED", 0),
    );
    let folder = tempfile::tempdir().unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut faults = Vec::new();
    let targets = targets(folder.path());
    for target in &targets {
        let path = folder.path().join("input");
        for good in &target.seeds {
            std::fs::write(&path, good).unwrap();
            // A plan is followed to the parts, which are not there.
            let read = (target.read)(&path).err().map(|error| error.to_string());
            let read = read.filter(|error| !error.contains("shards are not done"));
            assert!(read.is_none(), "{}: {}", target.name, read.unwrap_or_default());
        }
        let kept = std::fs::read_dir(corpus.join(&target.name)).into_iter().flatten();
        let kept = kept.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        let inputs = kept.chain((0..count).map(|number| edited(target, seed, number)));
        let failed = inputs.filter_map(|bytes| Some((fault(target, &path, &bytes)?, bytes)));
        for (fault, bytes) in failed.take(3) {
            let name = Fingerprint::of_bytes(&bytes).to_string();
            let place =
                std::env::temp_dir().join(format!("headstart-fuzz-{}-{name}", target.name.replace(' ', "-")));
            std::fs::write(&place, bytes).unwrap();
            faults.push(format!("{}: {fault}: {}", target.name, place.display()));
        }
    }
    assert!(targets.len() >= 19, "{}", targets.len());
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let of_entry = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(of_entry).collect()
}

#[test]
#[ignore = "HEADSTART_CORPORA names a folder of files to read"]
fn published_corpora_are_read_or_refused() {
    let corpora = std::env::var_os("HEADSTART_CORPORA").expect("HEADSTART_CORPORA names a folder");
    let folder = tempfile::tempdir().unwrap();
    let targets = targets(folder.path());
    let path = folder.path().join("input");
    let mut faults = Vec::new();
    let files = files(Path::new(&corpora));
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        for target in &targets {
            if let Some(fault) = fault(target, &path, &bytes) {
                faults.push(format!("{} as {}: {fault}", file.display(), target.name));
            }
        }
    }
    assert!(!files.is_empty());
    assert!(faults.is_empty(), "{faults:#?}");
}
