using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace HvSdk.Samples.Sandbox;

/// <summary>Reads what a guest writes to its end, and keeps the first bytes of it.</summary>
internal static class CapturedText
{
    public static async Task<string> ReadAsync(PipeReader reader, int limit)
    {
        using var kept = new MemoryStream();
        while (true)
        {
            ReadResult result = await reader.ReadAsync();
            foreach (ReadOnlyMemory<byte> piece in result.Buffer)
            {
                kept.Write(piece.Span[..(int)long.Min(piece.Length, limit - kept.Length)]);
            }

            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return Encoding.UTF8.GetString(kept.ToArray());
            }
        }
    }
}
