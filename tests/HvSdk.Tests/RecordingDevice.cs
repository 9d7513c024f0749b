namespace HvSdk.Tests;

/// <summary>A device that keeps what it was asked.</summary>
internal sealed class RecordingDevice : IBusDevice
{
    internal List<string> Log { get; } = [];

    /// <summary>What reads give; empty: nothing is set.</summary>
    internal byte[] Answer { get; init; } = [];

    public void Read(ulong offset, Span<byte> data)
    {
        Log.Add($"read {offset}");
        Answer.AsSpan(0, int.Min(Answer.Length, data.Length)).CopyTo(data);
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data) => Log.Add($"write {offset}: {Convert.ToHexString(data)}");
}
