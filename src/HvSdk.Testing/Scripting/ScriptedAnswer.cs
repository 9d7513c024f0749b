namespace HvSdk.Testing;

/// <summary>What the guest of a script got for an access: known as soon as the vCPU was entered again, or its access completed otherwise.</summary>
public sealed class ScriptedAnswer
{
    private volatile byte[]? _bytes;

    internal ScriptedAnswer()
    {
    }

    /// <summary>The guest has its answer.</summary>
    public bool IsGiven => _bytes is not null;

    /// <summary>The bytes that the guest got.</summary>
    /// <exception cref="InvalidOperationException">There is no answer yet.</exception>
    public ReadOnlyMemory<byte> Bytes => _bytes
        ?? throw new InvalidOperationException("The guest has no answer yet. It gets it when the vCPU is entered again: run the script further.");

    /// <summary>The answer as a little-endian number.</summary>
    /// <exception cref="InvalidOperationException">There is no answer yet, or it is longer than 8 bytes.</exception>
    public ulong Value
    {
        get
        {
            ReadOnlySpan<byte> bytes = Bytes.Span;
            if (bytes.Length > sizeof(ulong))
            {
                throw new InvalidOperationException($"The answer has {bytes.Length} bytes and is no number. Read {nameof(Bytes)}.");
            }

            ulong value = 0;
            for (int i = bytes.Length - 1; i >= 0; i--)
            {
                value = (value << 8) | bytes[i];
            }

            return value;
        }
    }

    /// <summary>The access to a system register was refused (<see cref="VcpuExit.Fault"/>); the guest has its exception instead of an answer.</summary>
    public bool IsFaulted { get; private set; }

    internal void Give(byte[] bytes, bool isFaulted = false)
    {
        IsFaulted = isFaulted;
        _bytes = bytes;
    }
}
