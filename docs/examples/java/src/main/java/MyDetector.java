import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.zip.CRC32;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.UInt4Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.bouncycastle.crypto.digests.Blake2bDigest;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;

/**
 * A source in Java, straight onto Kafka: run, lumisections, chunks of events and their markers.
 *
 * <p>Usage: MyDetector SERVERS PREFIX RUN LUMISECTIONS CHUNKS EVENTS. Each event has a number
 * `event` and a collection `hit` of objects with a `charge`; what was sent is printed, so that it
 * can be compared with what was filled.
 */
public final class MyDetector {
  private static final String SOURCE = "my_detector";

  private final KafkaProducer<byte[], byte[]> kafka;
  private final String prefix;
  private final int partitions;
  private final int run;

  /** A live source draws its incarnation anew in each life. */
  private final String incarnation =
      HexFormat.of().toHexDigits(new java.security.SecureRandom().nextLong());

  private MyDetector(KafkaProducer<byte[], byte[]> kafka, String prefix, int run) {
    this.kafka = kafka;
    this.prefix = prefix;
    this.run = run;
    // The number of partitions is fixed when the topics are made.
    this.partitions = kafka.partitionsFor(prefix + "dqm.events").size();
  }

  public static void main(String[] arguments) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", arguments[0]);
    settings.put("acks", "all");
    settings.put("enable.idempotence", "true");
    int run = Integer.parseInt(arguments[2]);
    int lumisections = Integer.parseInt(arguments[3]);
    int chunks = Integer.parseInt(arguments[4]);
    int events = Integer.parseInt(arguments[5]);
    ByteArraySerializer bytes = new ByteArraySerializer();
    try (KafkaProducer<byte[], byte[]> kafka = new KafkaProducer<>(settings, bytes, bytes)) {
      new MyDetector(kafka, arguments[1], run).send(lumisections, chunks, events);
    }
  }

  private void send(int lumisections, int chunks, int events) throws Exception {
    Map<String, Object> start = Map.of("first_lumisection", 1, "marks", List.of("simulated"));
    acknowledged(everywhere("RunStart", 2, start, true));
    SplittableRandom random = new SplittableRandom(1);
    for (int lumisection = 1; lumisection <= lumisections; lumisection++) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      double charge = 0;
      long hits = 0;
      for (int number = 0; number < chunks; number++) {
        Chunk chunk = Chunk.made(random, number * events, events);
        charge += chunk.charge;
        hits += chunk.hits;
        sent.add(chunk(lumisection, number, chunk.body, events));
      }
      // A marker leaves only when every chunk of its LS is acknowledged.
      acknowledged(sent);
      Map<String, Object> counts =
          Map.of("lumisection", lumisection, "chunks", chunks,
              "seen", chunks * events, "selected", chunks * events, "dropped", 0);
      acknowledged(everywhere("LumisectionEnd", 1, counts, false));
      System.out.printf("%d %d %d %.17g%n", lumisection, chunks * events, hits, charge);
    }
    acknowledged(everywhere("RunEnd", 1, Map.of("last_lumisection", lumisections), true));
  }

  /** One chunk: its identity in headers, its events as the value. */
  private Future<RecordMetadata> chunk(int lumisection, int number, byte[] body, int events) {
    CRC32 checksum = new CRC32();
    checksum.update(body);
    // (hash + number) mod P of unsigned numbers: the sum must not wrap.
    long home = (Long.remainderUnsigned(hash(SOURCE), partitions) + number) % partitions;
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(prefix + "dqm.events", (int) home, null, body);
    Map<String, Object> headers =
        Map.ofEntries(
            Map.entry("type", "EventBatch"), Map.entry("schema", 1), Map.entry("run", run),
            Map.entry("lumisection", lumisection), Map.entry("source", SOURCE),
            Map.entry("incarnation", incarnation), Map.entry("rereadable", "False"),
            Map.entry("number", number), Map.entry("partitions", partitions),
            Map.entry("seen", events), Map.entry("selected", events), Map.entry("dropped", 0),
            Map.entry("checksum", checksum.getValue()));
    headers.forEach((name, value) -> record.headers().add(name, value.toString().getBytes(UTF_8)));
    return kafka.send(record);
  }

  /** A control record on every partition; starts and ends of runs on `dqm.conditions` too. */
  private List<Future<RecordMetadata>> everywhere(
      String type, int schema, Map<String, Object> fields, boolean announced) throws IOException {
    byte[] value = message(type, fields);
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (int partition = 0; partition < partitions; partition++) {
      sent.add(kafka.send(control("dqm.events", partition, null, type, schema, value)));
    }
    if (announced) {
      byte[] key = Integer.toString(run).getBytes(UTF_8);
      sent.add(kafka.send(control("dqm.conditions", 0, key, type, schema, value)));
    }
    return sent;
  }

  private ProducerRecord<byte[], byte[]> control(
      String topic, int partition, byte[] key, String type, int schema, byte[] value) {
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(prefix + topic, partition, key, value);
    record.headers().add("type", type.getBytes(UTF_8));
    record.headers().add("schema", Integer.toString(schema).getBytes(UTF_8));
    return record;
  }

  /** MessagePack: a map of the type, who speaks, and the fields. */
  private byte[] message(String type, Map<String, Object> fields) throws IOException {
    MessageBufferPacker packer = MessagePack.newDefaultBufferPacker();
    packer.packMapHeader(6 + fields.size());
    packer.packString("type").packString(type);
    packer.packString("run").packInt(run);
    packer.packString("source").packString(SOURCE);
    packer.packString("incarnation").packString(incarnation);
    packer.packString("rereadable").packBoolean(false);
    packer.packString("partitions").packInt(partitions);
    for (Map.Entry<String, Object> field : fields.entrySet()) {
      packer.packString(field.getKey());
      if (field.getValue() instanceof List<?> words) {
        packer.packArrayHeader(words.size());
        for (Object word : words) {
          packer.packString(word.toString());
        }
      } else {
        packer.packInt((Integer) field.getValue());
      }
    }
    return packer.toByteArray();
  }

  /** BLAKE2b with a digest of 8 bytes, as a big-endian unsigned number. */
  private static long hash(String name) {
    byte[] text = name.getBytes(UTF_8);
    Blake2bDigest digest = new Blake2bDigest(64);
    digest.update(text, 0, text.length);
    byte[] found = new byte[8];
    digest.doFinal(found, 0);
    return java.nio.ByteBuffer.wrap(found).getLong();
  }

  private static void acknowledged(List<Future<RecordMetadata>> sent)
      throws InterruptedException, ExecutionException {
    for (Future<RecordMetadata> one : sent) {
      one.get();
    }
  }

  /** Events as one Arrow IPC stream with one record batch, and what is in them. */
  private record Chunk(byte[] body, long hits, double charge) {
    private static FieldType required(ArrowType type) {
      return FieldType.notNullable(type);
    }

    private static Schema schema() {
      ArrowType real = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
      Field charge = new Field("charge", required(real), null);
      Field hit = new Field("item", required(ArrowType.Struct.INSTANCE), List.of(charge));
      return new Schema(
          List.of(
              new Field("event", required(new ArrowType.Int(32, false)), null),
              new Field("hit", required(ArrowType.List.INSTANCE), List.of(hit))));
    }

    static Chunk made(SplittableRandom random, int first, int events) throws IOException {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      long hits = 0;
      double sum = 0;
      try (RootAllocator memory = new RootAllocator();
          VectorSchemaRoot root = VectorSchemaRoot.create(schema(), memory);
          ArrowStreamWriter writer =
              new ArrowStreamWriter(root, null, Channels.newChannel(body))) {
        UInt4Vector event = (UInt4Vector) root.getVector("event");
        ListVector hit = (ListVector) root.getVector("hit");
        StructVector objects = (StructVector) hit.getDataVector();
        Float4Vector charge = (Float4Vector) objects.getChild("charge");
        for (int row = 0; row < events; row++) {
          event.setSafe(row, first + row);
          int start = hit.startNewValue(row);
          int size = random.nextInt(4);
          for (int each = 0; each < size; each++) {
            float value = (float) random.nextDouble(0, 50);
            charge.setSafe(start + each, value);
            objects.setIndexDefined(start + each);
            sum += value;
          }
          hit.endValue(row, size);
          hits += size;
        }
        objects.setValueCount((int) hits);
        charge.setValueCount((int) hits);
        root.setRowCount(events);
        writer.start();
        writer.writeBatch();
        writer.end();
      }
      return new Chunk(body.toByteArray(), hits, sum);
    }
  }
}
