using System.Buffers;
using System.IO.Pipelines;

namespace HvSdk.Devices.Tests;

/// <summary>Waits for the host's side of a device that end, and say what they waited for.</summary>
internal static class Waits
{
    /// <summary>Far beyond what a loaded machine needs; it only decides how long a failure takes.</summary>
    private static TimeSpan Limit { get; } = TimeSpan.FromSeconds(60);

    internal static void Until(Func<bool> holds, string what) =>
        Assert.True(SpinWait.SpinUntil(holds, Limit), $"Waited {Limit} in vain until {what}.");

    internal static async Task<T> Within<T>(this Task<T> task, string what)
    {
        try
        {
            return await task.WaitAsync(Limit);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            throw new TimeoutException($"Waited {Limit} in vain for {what}.");
        }
    }

    /// <summary>Reads and consumes so many bytes.</summary>
    internal static async Task<byte[]> TakeAsync(this PipeReader reader, int count)
    {
        ReadResult result = await reader.ReadAtLeastAsync(count).AsTask().Within($"{count} bytes from the guest");
        ReadOnlySequence<byte> bytes = result.Buffer.Slice(0, Math.Min(count, result.Buffer.Length));
        byte[] copy = bytes.ToArray();
        reader.AdvanceTo(bytes.End);
        return copy;
    }

    /// <summary>Writes bytes that fit.</summary>
    internal static async Task SendAsync(this PipeWriter writer, params byte[] bytes) =>
        await writer.WriteAsync(bytes).AsTask().Within($"room for {bytes.Length} bytes to the guest");
}
