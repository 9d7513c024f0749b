using HvSdk.Devices;

namespace HvSdk.Testing;

/// <summary>MSI-X messages that go nowhere and are remembered.</summary>
internal sealed class RecordingMessages(int count) : IPciMessages
{
    private readonly Lock _gate = new();
    private readonly List<int> _sent = [];
    private readonly bool[] _masked = new bool[count];
    private readonly bool[] _pending = new bool[count];
    private volatile bool _isEnabled;

    public int Count { get; } = count;

    public bool IsEnabled => _isEnabled;

    public IReadOnlyList<int> Sent
    {
        get
        {
            lock (_gate)
            {
                return [.. _sent];
            }
        }
    }

    public void Enable(bool enabled)
    {
        lock (_gate)
        {
            _isEnabled = enabled;
            _pending.AsSpan().Clear();
        }
    }

    public void Mask(int vector, bool masked)
    {
        lock (_gate)
        {
            _masked[vector] = masked;
            if (!masked && _pending[vector])
            {
                _pending[vector] = false;
                _sent.Add(vector);
            }
        }
    }

    public bool Signal(int vector)
    {
        lock (_gate)
        {
            if (!_isEnabled || (uint)vector >= (uint)Count)
            {
                return false;
            }

            if (_masked[vector])
            {
                _pending[vector] = true;
            }
            else
            {
                _sent.Add(vector);
            }

            return true;
        }
    }

    public bool IsMasked(int vector)
    {
        lock (_gate)
        {
            return !_isEnabled || (uint)vector >= (uint)Count || _masked[vector];
        }
    }

    public bool IsPending(int vector)
    {
        lock (_gate)
        {
            return (uint)vector < (uint)Count && _pending[vector];
        }
    }
}
