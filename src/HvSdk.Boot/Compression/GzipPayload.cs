using System.IO.Compression;

namespace HvSdk.Boot;

/// <summary>A gzip stream in a file that holds a kernel.</summary>
/// <param name="file">The file.</param>
/// <param name="field">What the stream is, for errors.</param>
/// <param name="offset">Its first byte.</param>
/// <param name="size">Its bytes.</param>
internal sealed class GzipPayload(BootFile file, string field, long offset, long size)
{
    private const int ScratchSize = 64 << 10;
    private const int ReportSize = 4 << 20;

    /// <summary>Unpacks the first bytes.</summary>
    /// <returns>How many there were.</returns>
    public int ReadHead(byte[] head)
    {
        try
        {
            using GZipStream stream = Open();
            return stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException e)
        {
            throw Damaged(offset, e.Message, "a gzip stream");
        }
    }

    /// <summary>Unpacks all of it, and checks its length and checksum.</summary>
    public void Unpack(BootWriter writer, string step, SegmentTarget target, long unpackedSize)
    {
        byte[] scratch = new byte[ScratchSize];
        try
        {
            using GZipStream stream = Open();
            for (long reported = 0; target.Position < unpackedSize; reported += ReportSize)
            {
                long until = long.Min(reported + ReportSize, unpackedSize);
                while (target.Position < until)
                {
                    if (target.Read(stream, until - target.Position, scratch) == 0)
                    {
                        throw Damaged(offset + size, $"the end after 0x{target.Position:X} unpacked bytes", $"0x{unpackedSize:X} bytes");
                    }
                }

                writer.Report(step, target.Position, unpackedSize);
            }

            if (stream.Read(scratch, 0, 1) > 0) // and the checksum was right
            {
                throw Damaged(offset + size, $"more than 0x{unpackedSize:X} unpacked bytes", "as many as its last four bytes say");
            }
        }
        catch (InvalidDataException e)
        {
            throw Damaged(offset, e.Message, "a gzip stream");
        }
    }

    private GZipStream Open() => new(new BootFileStream(file, offset, size), CompressionMode.Decompress);

    private BootImageException Damaged(long at, string found, string expected) => new(file.Name, field, at, found, expected);
}
