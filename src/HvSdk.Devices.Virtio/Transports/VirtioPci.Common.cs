using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <content>The common configuration structure (virtio 1.2, 4.1.4.3). A field answers accesses of its own width; those of 64 bits are accessed by halves.</content>
public sealed partial class VirtioPci
{
    private void ReadCommon(uint offset, Span<byte> data)
    {
        QueueSetup? queue = _endpoint.FindSetup(_queueSelect);
        switch (data.Length)
        {
            case sizeof(byte):
                data[0] = offset switch
                {
                    VirtioPciRegister.DeviceStatus => (byte)_endpoint.Status,
                    VirtioPciRegister.ConfigGeneration => (byte)_endpoint.ConfigurationGeneration,
                    _ => 0,
                };
                break;
            case sizeof(ushort):
                BinaryPrimitives.WriteUInt16LittleEndian(data, ReadCommon16(offset, queue));
                break;
            case sizeof(uint):
                BinaryPrimitives.WriteUInt32LittleEndian(data, ReadCommon32(offset, queue));
                break;
        }
    }

    private ushort ReadCommon16(uint offset, QueueSetup? queue) => offset switch
    {
        VirtioPciRegister.ConfigMsixVector => _configurationVector,
        VirtioPciRegister.NumQueues => (ushort)_endpoint.QueueCount,
        VirtioPciRegister.QueueSelect => _queueSelect,
        VirtioPciRegister.QueueSize => (ushort)(queue?.Size ?? 0),
        VirtioPciRegister.QueueMsixVector => queue is null ? NoVector : _queueVectors[_queueSelect],
        VirtioPciRegister.QueueEnable => queue is { IsReady: true } ? (ushort)1 : (ushort)0,
        VirtioPciRegister.QueueNotifyData => _queueSelect,
        _ => 0, // QueueNotifyOff: all queues at the same place; QueueReset: done when the write returns
    };

    private uint ReadCommon32(uint offset, QueueSetup? queue) => offset switch
    {
        VirtioPciRegister.DeviceFeatureSelect => _deviceFeatureSelect,
        VirtioPciRegister.DeviceFeature => _endpoint.ReadDeviceFeatures(_deviceFeatureSelect),
        VirtioPciRegister.DriverFeatureSelect => _driverFeatureSelect,
        VirtioPciRegister.DriverFeature => _endpoint.ReadDriverFeatures(_driverFeatureSelect),
        VirtioPciRegister.QueueDesc => (uint)(queue?.Descriptors ?? 0),
        VirtioPciRegister.QueueDescHigh => (uint)((queue?.Descriptors ?? 0) >> 32),
        VirtioPciRegister.QueueDriver => (uint)(queue?.DriverArea ?? 0),
        VirtioPciRegister.QueueDriverHigh => (uint)((queue?.DriverArea ?? 0) >> 32),
        VirtioPciRegister.QueueDevice => (uint)(queue?.DeviceArea ?? 0),
        VirtioPciRegister.QueueDeviceHigh => (uint)((queue?.DeviceArea ?? 0) >> 32),
        _ => 0,
    };

    private void WriteCommon(uint offset, ReadOnlySpan<byte> data)
    {
        switch (data.Length)
        {
            case sizeof(byte) when offset == VirtioPciRegister.DeviceStatus:
                _endpoint.WriteStatus(data[0]);
                break;
            case sizeof(ushort):
                WriteCommon16(offset, BinaryPrimitives.ReadUInt16LittleEndian(data));
                break;
            case sizeof(uint):
                WriteCommon32(offset, BinaryPrimitives.ReadUInt32LittleEndian(data));
                break;
            case sizeof(ulong) when offset is VirtioPciRegister.QueueDesc or VirtioPciRegister.QueueDriver or VirtioPciRegister.QueueDevice:
                WriteCommon32(offset, BinaryPrimitives.ReadUInt32LittleEndian(data));
                WriteCommon32(offset + sizeof(uint), BinaryPrimitives.ReadUInt32LittleEndian(data[sizeof(uint)..]));
                break;
        }
    }

    private void WriteCommon16(uint offset, ushort value)
    {
        switch (offset)
        {
            case VirtioPciRegister.ConfigMsixVector:
                _configurationVector = Checked(value);
                break;
            case VirtioPciRegister.QueueSelect:
                _queueSelect = value;
                break;
            case VirtioPciRegister.QueueSize:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.Size = (int)value, value);
                break;
            case VirtioPciRegister.QueueMsixVector when _queueSelect < _queueVectors.Length:
                Volatile.Write(ref _queueVectors[_queueSelect], Checked(value));
                break;
            case VirtioPciRegister.QueueEnable when value == 1: // a driver disables a queue by a reset only (virtio 1.2, 4.1.4.3.2)
                _endpoint.SetReady(_queueSelect, true);
                break;
            case VirtioPciRegister.QueueReset when value == 1:
                _endpoint.ResetQueue(_queueSelect);
                break;
        }
    }

    private void WriteCommon32(uint offset, uint value)
    {
        switch (offset)
        {
            case VirtioPciRegister.DeviceFeatureSelect:
                _deviceFeatureSelect = value;
                break;
            case VirtioPciRegister.DriverFeatureSelect:
                _driverFeatureSelect = value;
                break;
            case VirtioPciRegister.DriverFeature:
                _endpoint.WriteDriverFeatures(_driverFeatureSelect, value);
                break;
            case VirtioPciRegister.QueueDesc:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.Descriptors = GuestAddress.WithLow(queue.Descriptors, value), value);
                break;
            case VirtioPciRegister.QueueDescHigh:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.Descriptors = GuestAddress.WithHigh(queue.Descriptors, value), value);
                break;
            case VirtioPciRegister.QueueDriver:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.DriverArea = GuestAddress.WithLow(queue.DriverArea, value), value);
                break;
            case VirtioPciRegister.QueueDriverHigh:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.DriverArea = GuestAddress.WithHigh(queue.DriverArea, value), value);
                break;
            case VirtioPciRegister.QueueDevice:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.DeviceArea = GuestAddress.WithLow(queue.DeviceArea, value), value);
                break;
            case VirtioPciRegister.QueueDeviceHigh:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.DeviceArea = GuestAddress.WithHigh(queue.DeviceArea, value), value);
                break;
        }
    }

    // A vector that the device does not have reads back as none (virtio 1.2, 4.1.5.1.2).
    private ushort Checked(ushort vector) => vector < (_messages?.Count ?? 0) ? vector : NoVector;
}
