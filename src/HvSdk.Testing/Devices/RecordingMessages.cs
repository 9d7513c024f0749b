using HvSdk.Devices;

namespace HvSdk.Testing;

/// <summary>MSI-X messages that go nowhere and are counted. Any thread may call.</summary>
public sealed class RecordingMessages : IPciMessages
{
    private readonly object _gate = new();
    private readonly int[] _sent;
    private readonly bool[] _masked;
    private readonly bool[] _pending;

    internal RecordingMessages(int count)
    {
        _sent = new int[count];
        _masked = new bool[count];
        _pending = new bool[count];
    }

    /// <inheritdoc/>
    public int Count => _sent.Length;

    /// <summary>The guest has enabled MSI-X. Default: true.</summary>
    public bool IsEnabled { get; set; } = true;

    /// <summary>How often a vector's message was sent.</summary>
    /// <param name="vector">The vector.</param>
    public int Sent(int vector)
    {
        lock (_gate)
        {
            return _sent[vector];
        }
    }

    /// <summary>Holds a vector's messages back, or lets them go: a pending one is sent.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="masked">Hold them back.</param>
    public void Mask(int vector, bool masked)
    {
        lock (_gate)
        {
            _masked[vector] = masked;
            if (!masked && _pending[vector])
            {
                _pending[vector] = false;
                _sent[vector]++;
            }
        }
    }

    /// <inheritdoc/>
    public bool Signal(int vector)
    {
        lock (_gate)
        {
            if (!IsEnabled || (uint)vector >= (uint)_sent.Length)
            {
                return false;
            }

            if (_masked[vector])
            {
                _pending[vector] = true;
            }
            else
            {
                _sent[vector]++;
            }

            return true;
        }
    }

    /// <inheritdoc/>
    public bool IsMasked(int vector)
    {
        lock (_gate)
        {
            return !IsEnabled || (uint)vector >= (uint)_masked.Length || _masked[vector];
        }
    }

    /// <inheritdoc/>
    public bool IsPending(int vector)
    {
        lock (_gate)
        {
            return (uint)vector < (uint)_pending.Length && _pending[vector];
        }
    }
}
