using System.Buffers.Binary;
using System.Net.Sockets;

namespace HvSdk.Devices.Virtio;

/// <content>The two threads.</content>
public sealed partial class StreamNetwork
{
    private void Send()
    {
        try
        {
            while (TryGetOutput(out int start, out int count))
            {
                // The bytes stay where they are meanwhile: only this thread takes them out.
                int sent = _socket.Send(_output.AsSpan(start, count));
                if (RemoveOutput(sent))
                {
                    _port!.OnRoom();
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            End($"The peer does not take frames any more: {e.Message}");
        }
    }

    /// <summary>Waits for bytes to send; false at the end.</summary>
    private bool TryGetOutput(out int start, out int count)
    {
        lock (_gate)
        {
            while (_outputCount == 0 && !_isEnded)
            {
                Monitor.Wait(_gate);
            }

            start = _outputStart;
            count = int.Min(_outputCount, _output.Length - _outputStart);
            return !_isEnded;
        }
    }

    /// <summary>Bytes were sent; true where a frame was refused, and there is room now.</summary>
    private bool RemoveOutput(int sent)
    {
        lock (_gate)
        {
            if (_isEnded)
            {
                return false;
            }

            _outputStart = (_outputStart + sent) % _output.Length;
            _outputCount -= sent;
            bool hadRefused = _hasRefused && _outputCount <= _output.Length / 2;
            _hasRefused &= !hadRefused;
            return hadRefused;
        }
    }

    private void Receive()
    {
        byte[] buffer = new byte[ReceiveBufferSize];
        int count = 0;
        try
        {
            while (true)
            {
                int read = _socket.Receive(buffer.AsSpan(count));
                if (read == 0)
                {
                    End("The peer has closed the connection.");
                    return;
                }

                count += read;
                int used = Deliver(buffer.AsSpan(0, count));
                if (used < 0)
                {
                    return;
                }

                buffer.AsSpan(used, count - used).CopyTo(buffer);
                count -= used;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            End($"The connection to the peer is broken: {e.Message}");
        }
    }

    /// <summary>Hands on the frames that are there as a whole.</summary>
    /// <returns>Their bytes; less than 0: it is over.</returns>
    private int Deliver(ReadOnlySpan<byte> bytes)
    {
        int used = 0;
        while (bytes.Length - used >= LengthSize)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes[used..]);
            if (length is < FrameFinisher.MinFrameLength or > NetworkDevice.MaxFrameLength)
            {
                End($"The peer sent a frame of {length} bytes; frames have {FrameFinisher.MinFrameLength} to {NetworkDevice.MaxFrameLength}. What follows cannot be told apart.");
                return -1;
            }

            int end = used + LengthSize + (int)length;
            if (end > bytes.Length)
            {
                break;
            }

            if (!_delivery.TryDeliver(_port!, bytes[(used + LengthSize)..end], default))
            {
                return -1;
            }

            used = end;
        }

        return used;
    }
}
