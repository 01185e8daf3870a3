-- Orthanc sends every ultrasound clip that it receives on to echobeat; the modality "echobeat" is in its configuration.
-- Results come back as other kinds of object (report, segmentation, secondary capture, PDF), so nothing goes round in circles.
local ULTRASOUND = {
  ['1.2.840.10008.5.1.4.1.1.3.1'] = true,  -- Ultrasound Multi-frame Image Storage
  ['1.2.840.10008.5.1.4.1.1.3'] = true     -- its retired form
}

function OnStoredInstance(instanceId, tags, metadata, origin)
  if ULTRASOUND[tags['SOPClassUID']] then
    SendToModality(instanceId, 'echobeat')
  end
end
